"""Strings that tokenizers may stumble over, drawn from a seed. For the fixtures and for live comparison with a peer."""
import random

PROSE = [
    "The quick brown fox jumps over the lazy dog, doesn't it? We'll see: they've said I'm late, you're early.",
    "Explain how a refrigerator works, step by step, in 3 sentences (no more than 1,024 words).",
    "Voix ambiguë d’un cœur qui, au zéphyr, préfère les jattes de kiwis. L'été s'achève à 20h30.",
    "Falsches Üben von Xylophonmusik quält jeden größeren Zwerg. Straße, STRASSE, ẞ und ß.",
    "El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío; ¿añoraba a su querido cachorro?",
    "Съешь же ещё этих мягких французских булок, да выпей чаю. Цена: 1 234,56 ₽.",
    "Ξεσκεπάζω τὴν ψυχοφθόρα βδελυγμία. Οδός, ΟΔΟΣ, ὀδός.",
    "いろはにほへと ちりぬるを。東京都渋谷区で、カタカナとひらがなと漢字を混ぜる。ｶﾀｶﾅ半角。",
    "天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。价格为￥3,500元。",
    "다람쥐 헌 쳇바퀴에 타고파. 한국어 문장을 토큰화합니다. ㄱㄴㄷ ㅏㅑ",
    "صِف خَلقَ خَودِ كَمِثلِ الشَمسِ إِذ بَزَغَت — يَحظى الضَجيعُ بِها نَجلاءَ مِعطارِ ١٢٣٤",
    "דג סקרן שט בים מאוכזב ולפתע מצא חברה. שָׁלוֹם עוֹלָם",
    "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश। संख्या १२३४५",
    "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน ๑๒๓๔",
    "Chó sói nâu nhảy qua hàng rào. Tiếng Việt có dấu: ậ ễ ộ ữ ặ.",
    "Pijamalı hasta yağız şoföre çabucak güvendi. İstanbul, ISPARTA, ıslak.",
    "ქართული ენა; Հայերեն լեզու; አማርኛ ቋንቋ; ភាសាខ្មែរ; မြန်မာဘာသာ; བོད་སྐད་; ᓀᐦᐃᔭᐍᐏᐣ; ᠮᠣᠩᠭᠣᠯ",
    "def f(x: int) -> str:\n    \"\"\"Doc.\"\"\"\n\treturn f\"{x:>08b}\"  # comment\n\n\nif __name__ == '__main__':\n    print(f(0xFF))\n",
    "for (int i = 0; i < n; ++i) { a[i] += b[i] * 3.14e-10f; } // loop\r\n#include <vector>\r\n",
    "SELECT * FROM t WHERE a <> 'it''s' AND b >= 1e6; <div class=\"x\">&amp;</div> https://example.org/a?b=c&d=%20#e",
    "{\"key\": [1, 2.5, null, true], \"nested\": {\"a\\u0041\": \"\\n\"}}",
    "$\\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}$ ∀x∈ℝ: ⌈x⌉ ≥ x ⇒ ½ + ⅓ = ⅚ ² ³ ① Ⅻ ⅻ",
    "'S 'T 'RE 'VE 'M 'LL 'D 's't're've'm'll'd can’t I'ſ x'K",
    "😀😃 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 ☎️ ☎︎ 1️⃣ ❤️‍🔥 🧑🏿‍🚀 🫠 \U0001FAE8",
    "e\u0301 \u00e9 A\u030a \u212b \u1e9b\u0323 \ufb01 \ufdfa \u1112\u1161\u11ab \uac00\u11a8 a\u0315\u0300\u05ae\u0062 \u0344 \u0f73",
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u202d\u2066\u2069 zero width and direction",
    "▁under ▁▁ lines _ __ ▁\u2581a", "Ġ Ċ ĉ Ā ą byte level look-alikes", "<0x41><0xE2> <0xGG> <0x4>",
]
SPACES = [" ", "  ", "   ", "\t", "\n", "\r", "\r\n", "\n\n", "\v", "\f", "\x1c", "\x1f", "\x85", "\xa0", "\u1680", "\u180e", "\u2000",
          "\u2003", "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff", "\t\t", " \n ", "\n \n", "        "]
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<s>", "</s>", "<unk>", "<pad>", "<|begin_of_text|>", "<|eot_id|>",
            "<|im_start|>user\n", "<|im_", "start|>", "<|im_end|", "<|endoftext|><|endoftext|>", " <s> ", "<S>", "[MASK]", "[mask]",
            " [MASK]  ", "x[MASK]y", "<repo_name>", "NORMAL", "normal", "nörmal", "<lone>", "a<lone>", "<lone>9", "<lone> <lone>"]
BLOCKS = [(0x20, 0x7F), (0xA0, 0x180), (0x180, 0x250), (0x250, 0x370), (0x370, 0x400), (0x400, 0x530), (0x590, 0x700), (0x900, 0xE00),
          (0xE00, 0x1000), (0x1000, 0x1400), (0x1680, 0x1800), (0x1D00, 0x2000), (0x2000, 0x2070), (0x2070, 0x2400), (0x2400, 0x2800),
          (0x3000, 0x3100), (0x3100, 0x4000), (0x4E00, 0xA000), (0xA000, 0xAC00), (0xAC00, 0xD800), (0xF900, 0x10000),
          (0x10000, 0x11000), (0x11000, 0x12000), (0x1D400, 0x1D800), (0x1F000, 0x1FB00), (0x20000, 0x20100), (0xE0000, 0xE01F0),
          (0x300, 0x370), (0x0, 0x20), (0x80, 0xA0)]


def code_point(rng):
    if rng.random() < 0.1:
        c = rng.randrange(0x110000)
        return chr(c) if not 0xD800 <= c < 0xE000 else "\ufffd"
    return chr(rng.randrange(*rng.choice(BLOCKS)))


def slice_of_prose(rng):
    text = rng.choice(PROSE)
    start = rng.randrange(len(text))
    return text[start:start + rng.randrange(1, 60)]


def run_of_one(rng):
    return rng.choice(["a", " ", "=", "-", "9", "é", "漢", "😀", "\n", "ab", "\t", "!", "\u0301"]) * rng.choice([2, 3, 7, 16, 33, 200])


def number(rng):
    return rng.choice([str(rng.randrange(10 ** rng.randrange(1, 20))), f"{rng.random():.6g}", f"{rng.randrange(1 << 40):x}",
                       "".join(rng.choice("0123456789٠١٢٣०१２３४¼²Ⅷ") for _ in range(rng.randrange(1, 12)))])


def word(rng):
    return "".join(rng.choice("etaoinshrdlucmfwypvbgkjqxzETAOIN'’-") for _ in range(rng.randrange(1, 14)))


PARTS = [(slice_of_prose, 10), (lambda rng: rng.choice(SPACES), 6), (lambda rng: rng.choice(SPECIALS), 3), (run_of_one, 1),
         (number, 3), (word, 8), (lambda rng: "".join(code_point(rng) for _ in range(rng.randrange(1, 12))), 5),
         (lambda rng: rng.choice("'\"!?.,;:()[]{}<>/\\|@#$%^&*-_=+~`") * rng.randrange(1, 4), 3)]


def draw(rng):
    makers, weights = zip(*PARTS)
    return "".join(maker(rng) for maker in rng.choices(makers, weights, k=rng.choice([1, 1, 2, 3, 4, 6, 9])))


def strings(count, seed):
    """PROSE, SPACES, SPECIALS and the empty string first, then what is drawn; `count` in all."""
    rng = random.Random(seed)
    fixed = [""] + PROSE + SPACES + SPECIALS
    return (fixed + [draw(rng) for _ in range(max(0, count - len(fixed)))])[:count]

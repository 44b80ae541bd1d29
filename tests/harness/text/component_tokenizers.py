"""Tokenizers that show what one component does. Their model has the 256 bytes as tokens and nothing else, and marks every
character of a word but the first with "#": so the ids spell out the normalized text and where it was cut."""

BYTES = {f"<0x{byte:02X}>": byte for byte in range(256)}
PATTERNS = [
    r"\p{L}+", r"\p{Lu}", r"\p{^L}+", r"\P{N}+", r"[\p{L}\p{M}]+", r"[^\s\p{L}\p{N}]+", r"\s+(?!\S)|\s+", r"\s", r"\S+", r"\w+", r"\W",
    r"\d{1,3}", r"\d{2}", r"\D+", r"\h+", r"(?i:'s|'t|ve|k)", r"(?i)k|s", r"(?:(?i)a|b)c?", r"(?i:[sdmt]|ll)", r"(?i:[^a-e])", r"a(?-i:b)",
    r"[A-Za-z]+?\b", r"\Bo", r"^.", r".$", r"^", r"$", r"\A.", r".\z", r".\Z", r"(?<=a)b|(?<!a)c", r"(?<=o|or)\s", r"(?=[aeiou])", r"(?>a+)b",
    r"a++", r"a*+b", r"o?+", r"o*?", r"[^\r\n]+[\r\n]*", r"a{,2}", r"a{2,}", r"o{1,2}?", r"x{", r"a{b}", r"}", r"]", r"", r"|a", r"(a|b)+(c)",
    r"\x41|\x{e9}|\u00E9", r"\t|\n|\r|\f|\v|\a|\e", r"\.|\-|\/|\\|\[", r"[\]\-a]", r"[-a]|[a-]", r"[\x00-\x20]", r"[ -~]+", "[一-龥]+",
    r"\p{Han}+", r"[\p{Hiragana}\p{Katakana}]+", r"[^\S\n]+", r"[^\S]", r"\p{P}|\p{S}", r"\p{Z}", r"\p{C}", r"\p{Cn}", r"[\p{Sc}\d]",
    r"(?:ab|a)(?:c|bc)", r"(?:a?){3}", r"(?:)", r"[\w\-]+", r"!|\?+", r"[😀-😎]", r".",
]
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
METASPACE = {"type": "Metaspace", "replacement": "▁"}


def tokenizer(added=(), decoder=None, **components):
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "#", "end_of_word_suffix": None,
             "fuse_unk": False, "byte_fallback": True, "ignore_merges": False, "vocab": BYTES, "merges": []}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": list(added), "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": decoder or {"type": "ByteFallback"}, "model": model, **components}


def added(identity, content, **options):
    token = {"id": identity, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
             "special": False}
    return {**token, **options}


def sequence(kind, *steps):
    return {"type": "Sequence", kind: list(steps)}


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def normalizers():
    plain = [{"type": name} for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "ByteLevel")]
    strips = [{"type": "Strip", "strip_left": left, "strip_right": right} for left in (False, True) for right in (False, True)]
    replaces = [{"type": "Replace", "pattern": pattern, "content": content} for pattern, content in [
        ({"String": " "}, "▁"), ({"String": "''"}, "\""), ({"Regex": r"\s+"}, " "), ({"Regex": r"\p{N}"}, ""), ({"String": "a"}, "aa")]]
    more = [{"type": "Prepend", "prepend": "▁"}, {"type": "Prepend", "prepend": ""},
            sequence("normalizers", {"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}),
            sequence("normalizers", {"type": "Prepend", "prepend": "▁"}, replaces[0]), sequence("normalizers")]
    return plain + strips + replaces + more


def pre_tokenizers():
    byte_levels = [{"type": "ByteLevel", "add_prefix_space": space, "trim_offsets": True, "use_regex": regex}
                   for space in (False, True) for regex in (False, True)]
    digits = [{"type": "Digits", "individual_digits": individual} for individual in (False, True)]
    punctuation = [{"type": "Punctuation", "behavior": behavior} for behavior in BEHAVIORS] + [{"type": "Punctuation"}]
    splits = [split({"String": text}, behavior, invert) for text in (" ", "''", "a.", "") for behavior in BEHAVIORS
              for invert in (False, True)]
    splits += [split({"Regex": r"\s|a"}, behavior, invert) for behavior in BEHAVIORS for invert in (False, True)]
    splits += [split({"Regex": pattern}) for pattern in PATTERNS] + [split({"Regex": pattern}, "Removed") for pattern in PATTERNS]
    metaspaces = [{**METASPACE, "prepend_scheme": scheme, "split": cut} for scheme in ("always", "first", "never") for cut in (False, True)]
    sequences = [sequence("pretokenizers", {"type": "WhitespaceSplit"}, {**METASPACE, "prepend_scheme": "first", "split": True}),
                 sequence("pretokenizers", split({"String": "a"}), {**METASPACE, "prepend_scheme": "first", "split": False}),
                 sequence("pretokenizers", {"type": "Punctuation"}, {"type": "Digits", "individual_digits": True}, byte_levels[1]),
                 sequence("pretokenizers", byte_levels[3], {**METASPACE, "prepend_scheme": "always", "split": True})]
    return [{"type": "Whitespace"}, {"type": "WhitespaceSplit"}, {**METASPACE, "add_prefix_space": True}] + \
        byte_levels + digits + punctuation + metaspaces + sequences + splits


def decoders():
    strips = [{"type": "Strip", "content": character, "start": start, "stop": stop}
              for character, start, stop in [(" ", 1, 0), ("a", 0, 1), ("é", 2, 0)]]
    replace = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    metaspaces = [{**METASPACE, "prepend_scheme": scheme} for scheme in ("always", "never")]
    byte_level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True}
    fallback, fuse = {"type": "ByteFallback"}, {"type": "Fuse"}
    return [fallback, fuse, byte_level, replace] + strips + metaspaces + [
        sequence("decoders", replace, fallback, fuse, strips[0]), sequence("decoders", fallback, metaspaces[0]),
        sequence("decoders", byte_level, fuse), sequence("decoders", fuse, {**replace, "pattern": {"Regex": "a+"}}),
        sequence("decoders", fallback, fuse, strips[2], replace), {"type": "BPEDecoder", "suffix": "</w>"}, sequence("decoders")]


DECODED = ["a", "▁a", "▁", " a ", "éé", "Ġa", "ĠâĤ", "¬", "ðŁ", "a</w>", "</w>", "日本", "aaé", "aa "]


def added_tokens():
    plain = [added(256, "[MASK]"), added(257, "[MASK]]"), added(258, "ab"), added(259, "<s>", special=True)]
    flags = [[added(256, "[MASK]", **{flag: True}), added(257, "a b", **{flag: True}), added(258, "  ", normalized=flag == "normalized")]
             for flag in ("single_word", "lstrip", "rstrip", "normalized", "special")]
    both = [added(256, "[MASK]", lstrip=True, rstrip=True), added(257, " ", rstrip=True), added(258, "É", normalized=True),
            added(259, "lone", single_word=True, normalized=True)]
    return [plain, both] + flags


def first_prepended(identity):
    return {**METASPACE, "prepend_scheme": "first", "split": identity % 2 == 0}


def all_components():
    """(name, tokenizer.json as an object), many."""
    out = [(f"normalizer {i}", tokenizer(normalizer=n)) for i, n in enumerate(normalizers())]
    out += [(f"pre_tokenizer {i}", tokenizer(pre_tokenizer=p)) for i, p in enumerate(pre_tokenizers())]
    extra = [added(256 + i, text) for i, text in enumerate(DECODED)]
    out += [(f"decoder {i}", tokenizer(added=extra, decoder=d)) for i, d in enumerate(decoders())]
    out += [("no decoder", {**tokenizer(added=extra), "decoder": None})]
    for i, tokens in enumerate(added_tokens()):
        out.append((f"added_tokens {i}", tokenizer(added=tokens)))
        out.append((f"added_tokens {i}, lowercase", tokenizer(added=tokens, normalizer={"type": "Lowercase"})))
        out.append((f"added_tokens {i}, metaspace", tokenizer(added=tokens, pre_tokenizer=first_prepended(i))))
    for i, n in enumerate(normalizers()):
        out.append((f"normalizer {i}, metaspace", tokenizer(normalizer=n, pre_tokenizer=first_prepended(i))))
    return out

"""Small tokenizers of the kinds that models have, trained from scratch with the `tokenizers` package."""
import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])


def byte_level_trainer(size, special):
    return trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False,
                               initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def smollm(corpus, size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus, byte_level_trainer(size, ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>"]))
    return tokenizer


def split_byte_level(corpus, size, pattern, ignore_merges):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus, byte_level_trainer(size, []))
    return tokenizer


def llama3(corpus, size, pattern=LLAMA3):
    tokenizer = split_byte_level(corpus, size, pattern, True)
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>"])
    begin = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B",
                                      special_tokens=[("<|begin_of_text|>", begin)])])
    return tokenizer


def qwen2(corpus, size):
    tokenizer = split_byte_level(corpus, size, QWEN2, False)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def sentencepiece(corpus, size, metaspace):
    """As Llama 2: the old spelling (normalizer) or the new one (Metaspace), which differ behind special tokens."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if metaspace:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(content=" ", left=1, right=0)])
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    corpus = ["".join(c for c in text if ord(c) < 0x530) for text in corpus]  # what is beyond needs the bytes
    words = [" ".join(text.split(" ")[i:i + 1]) for text in corpus for i in range(len(text.split(" ")))]
    tokenizer.train_from_iterator(words, trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False))
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [token for token in data["added_tokens"] if token["id"] < 3]
    tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return tokenizer


def with_unusual_added_tokens(tokenizer):
    tokenizer.add_tokens([
        AddedToken("[MASK]", lstrip=True, rstrip=True, normalized=False, special=True), AddedToken("<lone>", single_word=True),
        AddedToken("nörmal", normalized=True), AddedToken("<pad>", special=True, lstrip=True, normalized=True),
        AddedToken("<pad><pad>", rstrip=True, normalized=False)])
    return tokenizer


def all_kinds(corpus, size):
    return {
        "smollm": smollm(corpus, size),
        "llama3": llama3(corpus, size),
        "qwen2": with_unusual_added_tokens(qwen2(corpus, size)),
        "sentencepiece": sentencepiece(corpus, size, metaspace=False),
        "metaspace": with_unusual_added_tokens(sentencepiece(corpus, size, metaspace=True)),
        "o200k": llama3(corpus, size, O200K),
    }

"""Keys and values of SmolLM2-135M-Instruct, float32: of a text in one forward pass, and of a generation."""

import functools
import os
import pathlib

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

TEXT = pathlib.Path(__file__).resolve().parents[2] / "README.md"
QUESTION = "Explain how a refrigerator works, and then how an air conditioner differs from it, in as much detail as you can."


def folder():
    named = os.environ.get("KVDIFF_MODEL")
    return pathlib.Path(named) if named else pathlib.Path.home() / ".cache/kvdiff/models/SmolLM2-135M-Instruct"


@functools.cache
def model():
    loaded = AutoModelForCausalLM.from_pretrained(folder(), dtype=torch.float32, attn_implementation="sdpa")
    return loaded.eval(), AutoTokenizer.from_pretrained(folder())


@functools.cache
def of_text(tokens):
    """[K and V by layer], each [1, 3, tokens, 64], after RoPE: what the model hands its cache for the README."""
    loaded, tokenizer = model()
    ids = tokenizer(TEXT.read_text(), return_tensors="pt").input_ids[:, :tokens]
    cache = DynamicCache(config=loaded.config)
    with torch.no_grad():
        loaded(ids, past_key_values=cache, use_cache=True)
    return [(layer.keys.contiguous(), layer.values.contiguous()) for layer in cache.layers]


def question_ids():
    tokenizer = model()[1]
    chat = [{"role": "user", "content": QUESTION}]
    return tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True).input_ids


def generate(cache, ids, steps):
    """Greedy tokens, end-of-text ignored: the prompt's forward pass, then `steps` more."""
    loaded = model()[0]
    tokens = []
    with torch.no_grad():
        for _ in range(steps + 1):
            logits = loaded(ids, past_key_values=cache, use_cache=True).logits[0, -1]
            ids = logits.argmax().reshape(1, 1)
            tokens.append(int(ids))
    return tokens

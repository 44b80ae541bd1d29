#!/usr/bin/env python3
"""Writes rope_golden.json: RoPE's inverse frequencies, cosines and sines as transformers computes them on a CPU.

Made with torch 2.13.0 and transformers 5.23.0 (AVX2). float32 values stand as their bits, so that no reader rounds them.
    python make_rope_golden.py > rope_golden.json
"""
import json

import numpy
import torch
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

HEAD_SIZE = 32
MAX_POSITIONS = 512
CASES = {
    "default": {},
    "linear": {"factor": 4.0},
    "dynamic": {"factor": 2.0},
    "dynamic beyond": {"factor": 2.0},
    "llama3": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 256},
    "yarn": {"factor": 4.0, "original_max_position_embeddings": 128},
    "yarn mscale": {"factor": 40.0, "mscale": 0.707, "mscale_all_dim": 1.0, "original_max_position_embeddings": 64},
    "yarn given": {"factor": 2.0, "attention_factor": 1.25, "beta_fast": 16.0, "beta_slow": 2.0, "truncate": False,
                   "original_max_position_embeddings": 256},
    "yarn ratio": {"factor": None, "original_max_position_embeddings": 128},
}


def bits(values):
    return numpy.asarray(values, dtype=numpy.float32).view(numpy.uint32).ravel().tolist()


def case(name, parameters, theta):
    rope = {"rope_type": name.split()[0], "rope_theta": theta, **parameters}
    config = {"model_type": "llama", "vocab_size": 64, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1,
              "num_attention_heads": 2, "head_dim": HEAD_SIZE, "max_position_embeddings": MAX_POSITIONS,
              "rms_norm_eps": 1e-5, "rope_parameters": rope}
    length = 700 if name == "dynamic beyond" else MAX_POSITIONS
    rotary = LlamaRotaryEmbedding(LlamaConfig(**{key: value for key, value in config.items() if key != "model_type"}))
    cosine, sine = rotary(torch.zeros(1), torch.arange(length)[None])
    positions = [0, 1, 100, length - 1]
    pairs = HEAD_SIZE // 2
    return {"name": f"{name}, theta {theta:g}", "config": config, "length": length, "inverse": bits(rotary.inv_freq),
            "attention_factor": bits(rotary.attention_scaling)[0], "positions": positions,
            "cosine": bits(cosine[0, positions, :pairs]), "sine": bits(sine[0, positions, :pairs])}


torch.set_num_threads(1)
golden = [case(name, parameters, theta) for theta in (10000.0, 500000.0) for name, parameters in CASES.items()]
print("[\n" + ",\n".join(json.dumps(entry) for entry in golden) + "\n]")

"""ATen on the GPU at the shapes of kvdiff_kernel_speed: what a library that may sum in any order takes. One JSON object a line."""

import json
import time

import torch
import torch.nn.functional as F


def report(what, count, bytes_moved, start):
    start()
    best = 1e30
    for _ in range(5):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(count):
            start()
        torch.cuda.synchronize()
        best = min(best, (time.perf_counter() - begin) / count)
    print(json.dumps({"what": what, "seconds": best, "bytes": bytes_moved, "gb_per_s": round(bytes_moved / best / 1e9, 2)}))


def linear(rows, inputs, outputs):
    weight = torch.zeros(outputs, inputs, dtype=torch.float16, device="cuda")
    x = torch.zeros(rows, inputs, dtype=torch.float16, device="cuda")
    report(f"linear float16 rows={rows} inputs={inputs} outputs={outputs}", 20, 2 * (weight.numel() + x.numel() + rows * outputs),
           lambda: F.linear(x, weight))


def attention(heads, kv_heads, head_size, tokens):
    query = torch.zeros(1, heads, 1, head_size, dtype=torch.float16, device="cuda")
    kv = torch.zeros(1, kv_heads, tokens, head_size, dtype=torch.float16, device="cuda")
    report(f"attention float16 heads={heads}/{kv_heads} head_size={head_size} tokens={tokens}", 20, 4 * kv.numel(),
           lambda: F.scaled_dot_product_attention(query, kv, kv, enable_gqa=True))


def main():
    source = torch.zeros(256 << 20, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    report("copy", 20, 2 * source.numel(), lambda: target.copy_(source))
    for rows in (1, 4, 64):
        linear(rows, 2048, 8192)
    linear(1, 2048, 128256)
    for tokens in (1024, 16384):
        attention(32, 8, 64, tokens)


main()

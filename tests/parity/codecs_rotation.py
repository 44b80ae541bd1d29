"""rotate=hadamard in front of hqq: Walsh-Hadamard written here with torch's operations, then hqq's own quantizer. llama.cpp
itself is not run."""

import torch

import codecs_hqq
from codec_inputs import ordinary
from common import DTYPES, count_different

PEER = "replica in torch"


def rotated(x, block):
    shape, y = x.shape, x.float().reshape(-1, block)
    apart = 1
    while apart < block:
        pairs = y.reshape(-1, block // (2 * apart), 2, apart)
        y = torch.stack([pairs[:, :, 0] + pairs[:, :, 1], pairs[:, :, 0] - pairs[:, :, 1]], 2).reshape(-1, block)
        apart *= 2
    return (y * torch.tensor(block ** -0.5, dtype=torch.float32)).reshape(shape).to(x.dtype)


def cases(parity):
    draw = parity.random("rotation")
    for shape in ((1, 3, 37, 64), (2, 2, 8, 128), (1, 1, 21, 256), (1, 2, 4, 192)):
        for dtype in DTYPES:
            for side in ("key", "value"):
                yield torch.tensor(ordinary(draw, shape)).to(DTYPES[dtype]), side


def run(parity):
    drawn = list(cases(parity))
    spec = "hqq:bits=4,group=64,axis=1,solver=off,rotate=hadamard"
    jobs = [{"id": str(i), "spec": spec, "side": side, "input": f"x{i}"} for i, (_, side) in enumerate(drawn)]
    results, answers = parity.ask("codec", jobs, {f"x{i}": x for i, (x, _) in enumerate(drawn)}, wrong=parity.wrong)
    codes, values = parity.row(PEER, "rotation, then hqq: codes"), parity.row(PEER, "rotation, hqq, and back: values")
    for i, (x, side) in enumerate(drawn):
        block = 64 if side == "value" else x.shape[-1] & -x.shape[-1]
        W_q, meta = codecs_hqq.peer(rotated(x, block), 4, 64, 1, "off", False)
        back = rotated(((W_q.to(x.dtype) - meta["zero"]) * meta["scale"]).reshape(x.shape), block)
        codes.compared += x.numel()
        codes.differing += count_different(W_q.to(torch.int32), answers[f"{i}.codes"])
        values.compared += x.numel()
        values.differing += count_different(back, answers[f"{i}.dequantized"])

"""transformers' Llama, watched: attention outputs, hidden states and logits of one pass; the same in float64; small
random checkpoints to try its options on."""

import copy
import dataclasses

import numpy
import torch
from transformers import AutoModelForCausalLM, DynamicCache, LlamaConfig, LlamaForCausalLM, QuantizedCache
from transformers.models.llama.modeling_llama import LlamaRMSNorm


class WideNorm(torch.nn.Module):
    """LlamaRMSNorm leaves float64 for float32; this one stays. Its epsilon is float32's, as in the peer's sum."""

    def __init__(self, norm):
        super().__init__()
        self.weight, self.epsilon = norm.weight, float(numpy.float32(norm.variance_epsilon))

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon))


def in_float64(model):
    """A copy that computes everything in float64, but for RoPE's angles: these are float32 by definition. Of a 16-bit
    model: the exact run over its rounded weights. Attention is SDPA: the eager path's softmax is float32."""
    wide = copy.deepcopy(model).double()
    wide.set_attn_implementation("sdpa")
    for module in list(wide.modules()):
        for name, child in module.named_children():
            if isinstance(child, LlamaRMSNorm):
                setattr(module, name, WideNorm(child))
    return wide


def load(folder, dtype, attention):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=attention).eval()


@torch.no_grad()
def watch(model, tokens, **how):
    """{"attended", "hidden": [layers, tokens, width], "logits": [1, tokens, vocabulary]} of one pass over `tokens`."""
    attended, hidden, handles = [], [], []
    for layer in model.model.layers:
        handles.append(layer.self_attn.o_proj.register_forward_pre_hook(lambda _, x: attended.append(x[0][0].clone())))
        handles.append(layer.register_forward_hook(
            lambda _, x, out: hidden.append((out[0] if isinstance(out, tuple) else out)[0].clone())))
    try:
        logits = model(torch.tensor([tokens]), **how).logits[0]
    finally:
        for handle in handles:
            handle.remove()
    return {"attended": torch.stack(attended), "hidden": torch.stack(hidden), "logits": logits[None].clone()}


@dataclasses.dataclass
class View:
    """A decode step of a run: the token that is fed, and K and V that attention finds of the tokens before, by layer."""

    token: int
    history: list


@torch.no_grad()
def quantized_views(model, tokens, settings, steps):
    """The views of a greedy run with transformers' HQQ cache. Step i feeds the i-th token that was chosen, from 1 on."""
    cache = QuantizedCache("hqq", model.config, **settings)
    update, found, seen = cache.update, [], {}

    def watched(key, value, layer, *more, **how):
        seen[layer] = update(key, value, layer, *more, **how)
        return seen[layer]

    cache.update = watched
    logits = model(torch.tensor([tokens]), past_key_values=cache).logits
    for step in range(1, max(steps) + 1):
        token = int(logits[0, -1].argmax())
        logits = model(torch.tensor([[token]]), past_key_values=cache).logits
        if step in steps:
            history = [tuple(side[:, :, :-1].clone() for side in seen[layer]) for layer in sorted(seen)]
            found.append(View(token, history))
    return found


def continue_view(model, view):
    """The step of a view once more, its history held by a cache in full precision."""
    cache = DynamicCache()
    for layer, (key, value) in enumerate(view.history):
        cache.update(key.to(model.dtype), value.to(model.dtype), layer)
    return watch(model, [view.token], past_key_values=cache)


@torch.no_grad()
def save_random_llama(folder, seed, **options):
    """Weights that keep every layer's output of order 1 and its attention uneven; biases and norms that are not idle."""
    torch.manual_seed(seed)
    model = LlamaForCausalLM(LlamaConfig(**options))
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            parameter.copy_(torch.randn_like(parameter) * 0.3 + (0.0 if name.endswith("bias") else 1.0))
        else:
            parameter.normal_(0, 1.0 if "embed_tokens" in name else 1.5 / parameter.shape[1] ** 0.5)
    model.save_pretrained(folder)

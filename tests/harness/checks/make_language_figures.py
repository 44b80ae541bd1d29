#!/usr/bin/env python3
"""The figures behind the bounds of the check reference.loss (harness/checks/reference.cpp): what SmolLM2 pays, sound, for texts in
languages that it knows and does not know, and damaged, for English. Nats per token; transformers in float32.

usage: make_language_figures.py MODEL_FOLDER ENGLISH_TEXT_FILE
"""
import math
import re
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

GERMAN = ("Am Anfang war das Wort, und das Wort war bei Gott, und Gott war das Wort. Dasselbe war im Anfang bei Gott. Alle Dinge sind durch "
          "dasselbe gemacht, und ohne dasselbe ist nichts gemacht, was gemacht ist. In ihm war das Leben, und das Leben war das Licht der "
          "Menschen. Und das Licht scheint in der Finsternis, und die Finsternis hat's nicht ergriffen. Es war ein Mensch, von Gott gesandt, "
          "der hiess Johannes. Der kam zum Zeugnis, um von dem Licht zu zeugen.")  # John 1, Luther
FINNISH = ("Mieleni minun tekevi, aivoni ajattelevi lähteäni laulamahan, saa'ani sanelemahan, sukuvirttä suoltamahan, lajivirttä laulamahan. "
           "Sanat suussani sulavat, puhe'et putoelevat, kielelleni kerkiävät, hampahilleni hajoovat. Veli kulta, veikkoseni, kaunis "
           "kasvinkumppalini! Lähe nyt kanssa laulamahan, saa kera sanelemahan yhtehen yhyttyämme, kahta'alta käytyämme! Harvoin yhtehen "
           "yhymme, saamme toinen toisihimme näillä raukoilla rajoilla.")  # Kalevala
CHINESE = ("道可道，非常道。名可名，非常名。无名天地之始，有名万物之母。故常无欲，以观其妙；常有欲，以观其徼。此两者，同出而异名，同谓之玄。玄之又玄，"
           "众妙之门。天下皆知美之为美，斯恶已。皆知善之为善，斯不善已。有无相生，难易相成，长短相形，高下相盈，音声相和，前后相随。")  # Tao Te Ching
TOKENS, OWN_TOKENS = 128, 24


@torch.no_grad()
def reading(model, ids):
    logits = model(torch.tensor([ids])).logits[0, :-1].double().log_softmax(-1)
    losses = -logits.gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
    return losses.mean().item(), -(logits.exp() * logits).sum(-1).mean().item()


@torch.no_grad()
def own_text(model, ids):
    paid, past, fed = 0.0, None, torch.tensor([ids])
    for _ in range(OWN_TOKENS):
        out = model(fed, past_key_values=past, use_cache=True)
        past, logits = out.past_key_values, out.logits[0, -1].double().log_softmax(-1)
        fed = logits.argmax().view(1, 1)
        paid -= logits.max().item()
    return paid / OWN_TOKENS


class Figures:
    def __init__(self, folder, english):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.sound = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        self.draw = torch.Generator().manual_seed(1)
        self.english = english

    def tell(self, name, text=None, rename=lambda token: token):
        tokens = self.tokenizer(text or self.english)["input_ids"][:TOKENS]
        bits_over = math.log(2) * len(self.tokenizer.decode(tokens[1:]).encode())
        ids = [rename(token) for token in tokens]
        order = torch.randperm(len(ids), generator=self.draw).tolist()
        loss, entropy = reading(self.model, ids)
        shuffled, _ = reading(self.model, [ids[i] for i in order])
        print(f"{name:26s} {loss * (len(ids) - 1) / bits_over:5.2f} bits  loss {loss:5.2f}  beyond expected {loss - entropy:+6.2f}  "
              f"shuffled {shuffled - loss:+5.2f}  own text {own_text(self.model, ids[:16]):.2f}", flush=True)
        self.model.load_state_dict(self.sound)

    def shuffle(self, pattern):
        for name, tensor in self.model.state_dict().items():
            if re.search(pattern, name) and tensor.dim() == 2:
                flat = tensor.flatten()
                tensor.copy_(flat[torch.randperm(flat.numel(), generator=self.draw)].view_as(tensor))

    def permute_rows(self, pattern):
        for name, tensor in self.model.state_dict().items():
            if re.search(pattern, name):
                tensor.copy_(tensor[torch.randperm(tensor.shape[0], generator=self.draw)])

    def scale_norms(self, factor):
        for name, tensor in self.model.state_dict().items():
            if "layernorm" in name:
                tensor.mul_(factor)

    def add_noise(self, share):
        for tensor in self.model.state_dict().values():
            if tensor.dim() == 2:
                tensor.add_(torch.randn(tensor.shape, generator=self.draw) * tensor.std() * share)


@torch.no_grad()
def main(folder, english_file):
    figures = Figures(folder, open(english_file, encoding="utf-8").read()[:1500])
    for name, text in (("English", None), ("German", GERMAN), ("Finnish", FINNISH), ("Chinese", CHINESE)):
        figures.tell(name, text)
    for name, pattern in (("one matrix shuffled", r"layers\.12\.self_attn\.v_proj"), ("three layers shuffled", r"layers\.(4|12|20)\."),
                          ("every down_proj shuffled", r"mlp\.down"), ("all layers shuffled", r"layers\."), ("embeddings shuffled", "embed")):
        figures.shuffle(pattern)
        figures.tell(name)
    layers = list(figures.model.model.layers)
    for name, order in (("two layers exchanged", [22 if i == 5 else 5 if i == 22 else i for i in range(30)]),
                        ("all layers permuted", torch.randperm(30, generator=figures.draw).tolist())):
        figures.model.model.layers = torch.nn.ModuleList([layers[i] for i in order])
        figures.sound, kept = figures.model.state_dict(), figures.sound  # names follow the order
        figures.tell(name)
        figures.model.model.layers, figures.sound = torch.nn.ModuleList(layers), kept
    figures.permute_rows(r"(q|k)_proj")
    figures.tell("rows of q, k permuted")
    figures.scale_norms(2)
    figures.tell("norms doubled")
    figures.add_noise(0.25)
    figures.tell("noise of 0.25")
    renamed = torch.randperm(49152, generator=figures.draw).tolist()
    figures.tell("another tokenizer", rename=lambda token: renamed[token])
    for parameter in figures.model.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=figures.draw) * 0.02 if parameter.dim() == 2 else torch.ones_like(parameter))
    figures.tell("never trained")


if __name__ == "__main__":
    main(*sys.argv[1:])

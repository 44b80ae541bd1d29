"""Makes texts.jsonl: what a real model writes under caches from full precision down to 1 bit, and the texts by hand.

  make_texts.py --program build/kvdiff --tool build/tests/kvdiff_text_corpus --work FOLDER [--prompt NAME]... [--threads N]

Each prompt (prompts.json) is run once, in mode free, with its share of the caches (caches.json); the reports are kept in
FOLDER and not made again. Every text is then scored by the reference model: what it would have paid, in nats, for each
token. Texts that say the same as one before are left out. Labels are not made here: somebody reads the texts (README.md).
"""
import argparse
import json
import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent
TOKENS = 144
SETS = ("fresh", "more", "blind", "blind2", "blind3", "blind4", "blind5")


def read(name, infix=""):
    """infix: "" for the first set; "." and the name of the set (SETS) for the later ones."""
    name = name.replace(".", infix + ".", 1)
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def caches_of(number, infix):
    """Every prompt gets the caches for all, and every third of the rest, so that each of those meets several prompts. In the
    blind sets all caches take turns: they have more prompts, and one cache that ruins every text needs not meet each of them."""
    caches = read("caches.json")
    share = {key: [cache for i, cache in enumerate(some) if i % 3 == number % 3] for key, some in caches.items()}
    return (share["always"] if infix.startswith(".blind") else caches["always"]) + share["in_turn"]


def generate(arguments, name, caches, prompt):
    path = arguments.work / f"{name}.json"
    if path.exists():
        return
    command = [arguments.program, "run", "--model", "smollm2", "--chat", prompt, "--mode", "free", "--tokens", str(TOKENS),
               "--threads", str(arguments.threads), "--quiet", "--report", f"json:{path}"]
    for cache in caches:
        command += ["--cache", cache]
    # 8: a short text ended before one of the caches was read as codes. As a measurement that is void; here it is a text.
    code = subprocess.run(command, check=False, timeout=1800).returncode
    if code not in (0, 8):
        raise SystemExit(f"{command} ended with {code}")


def generated(report, name):
    """The reference first, then each candidate whose tokens nobody had before."""
    seen = set()
    for lane in report["lanes"]:
        tokens = tuple(lane["free"]["tokens"])
        if tokens in seen:
            continue
        seen.add(tokens)
        label = "reference" if lane["role"] == "reference" else lane["cache"]
        yield {"id": f"{name} {label}", "tokens": list(tokens), "ended": lane["free"]["stopped_by"] == "end token"}


def by_hand(name, reference, infix):
    """A text by hand: a string or parts, of which {"reference": n} stands for the first n tokens of the reference's text
    and {"times": n, "text": t} for a text n times; {"bytes": hex} is left to the tool."""
    for text in read("by_hand.json", infix):
        if text["prompt"] != name:
            continue
        parts = text["text"] if isinstance(text["text"], list) else [text["text"]]
        yield {"id": f"{name} by hand: {text['id']}", "parts": [part_of(part, reference) for part in parts],
               "ended": text.get("ended", True)}


def part_of(part, reference):
    if "reference" in part and isinstance(part, dict):
        return reference["tokens"][:part["reference"]]
    return part["text"] * part["times"] if "times" in part and isinstance(part, dict) else part


def score(arguments, job):
    done = subprocess.run([arguments.tool, "smollm2", str(arguments.threads)], input=json.dumps(job) + "\n", stdout=subprocess.PIPE,
                          text=True, check=True, timeout=1800)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--tool", help="without it the texts are generated and nothing else")
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--prompt", action="append", help="only this one; texts.jsonl is not written")
    parser.add_argument("--set", choices=SETS, help="a later set: *.SET.json -> texts.SET.jsonl")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    infix = f".{arguments.set}" if arguments.set else ""
    arguments.work.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, (name, prompt) in enumerate(read("prompts.json", infix).items()):
        if arguments.prompt and name not in arguments.prompt:
            continue
        generate(arguments, name, caches_of(number, infix), prompt)
        if not arguments.tool:
            continue
        report = json.loads((arguments.work / f"{name}.json").read_text(encoding="utf-8"))
        texts = list(generated(report, name))
        texts += by_hand(name, texts[0], infix)
        scored = score(arguments, {"prompt": report["prompt"]["token_ids"], "texts": texts})
        lines.append({"prompt": name, "pieces": scored["prompt"]})
        lines += [{"id": text["id"], "prompt": name, "ended": text["ended"], **result}
                  for text, result in zip(texts, scored["texts"], strict=True)]
    if arguments.tool and not arguments.prompt:
        text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
        (HERE / f"texts{infix}.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""The forecast of the peer's failures (cache_backends/peer_forecast.h) against the peer itself: does it raise, in which
step, in which call, of which type, in which words; and does it go wrong in silence."""

import collections

from forecast_cases import config_cases, operation_cases, update_cases
from peer_cache import PEER, one_thread
from peer_failures import Live, constructed

# What has to occur among the peer's answers, by a piece of its words.
KNOWN = {
    "packing, at quantize": ("quantize", "must match the size of tensor b"),
    "packing, at dequantize": ("dequantize", "must match the size of tensor b"),
    "rows lost, at dequantize": ("dequantize", "is invalid for input of size"),
    "3 bits, axis 1: silently wrong": ("dequantize", "silent"),
    "hqq's group does not divide": ("quantize", "group_size should be divisble"),
    "quanto's group does not divide": ("quantize", "must be a divisor of"),
    "a positive crop": ("crop", "with a positive value"),
    "a crop behind a flush": ("crop", "too many indices"),
    "a crop that keeps the length": ("crop", "silent"),
    "deepcopy of what records gradients": ("copy.deepcopy", "graph leaves"),
    "deepcopy of quanto": ("copy.deepcopy", "wrapper subclasses"),
    "a shared copy": ("copy.copy", "silent"),
    "nbits": ("constructor", "`nbits` for"), "axis_key": ("constructor", "`axis_key` for"),
    "axis_value": ("constructor", "`axis_value` for"), "backend": ("constructor", "Unknown quantization backend"),
    "fp8 with options": ("constructor", "quantizes per-tensor"),
    "a group of 0": ("first", "by zero"), "a group below 0": ("first", "invalid shape dimension"),
}


class Tally:
    def __init__(self, parity):
        self.parity, self.pairs, self.raising, self.seen = parity, 0, 0, collections.Counter()

    def compare(self, what, theirs, ours):
        row = self.parity.row(PEER, what)
        row.compared += 1
        row.differing += theirs != ours

    def see(self, call, text):
        for name, (where, words) in KNOWN.items():
            self.seen[name] += where == call and words in text

    def events(self, kind, theirs, ours):
        """Lists of events: all of what both say."""
        self.pairs += 1
        self.raising += any(event["raises"] for event in theirs)
        self.compare(f"{kind}: whether it raises", any(e["raises"] for e in theirs), any(e["raises"] for e in ours))
        self.compare(f"{kind}: silent errors, call and step", [(e["call"], e["step"]) for e in theirs if e["wrong"]],
                     [(e["call"], e["step"]) for e in ours if e["wrong"]])
        for event in theirs:
            self.see(event["call"], event.get("message", "silent"))
        raised = [event for event in theirs if event["raises"]]
        for part in ("step", "call", "type", "message") if raised else ():
            self.compare(f"{kind}: {part} of the exception", raised[0][part], next((e[part] for e in ours if e["raises"]), None))

    def config(self, theirs, ours):
        self.pairs += 1
        self.raising += any(theirs)
        for place, error in zip(("constructor", "first"), theirs):
            said = ours[place]
            if place == "first" and theirs[0]:
                continue  # never made, so nothing was quantized
            self.compare("config: whether it raises", bool(error), said["raises"])
            if error:
                self.see(place, error["message"])
                self.compare("config: type of the exception", error["type"], said["type"])
                self.compare("config: message of the exception", error["message"], said["message"])

    def close(self):
        row = self.parity.row(PEER, "pairs, at least 500")
        row.compared, row.differing = self.pairs, max(0, 500 - self.pairs)
        row = self.parity.row(PEER, "pairs of which the peer raises, at least 200")
        row.compared, row.differing = self.raising, max(0, 200 - self.raising)
        missing = [name for name in KNOWN if not self.seen[name]]
        row = self.parity.row(PEER, "known failures that occurred", note="missing: " + ", ".join(missing) if missing else "")
        row.compared, row.differing = len(KNOWN), len(missing)


def run_events(parity, tally, kind, cases):
    jobs = [{"spec": case["spec"], "shape": case["shape"], "steps": case["steps"], "gradients": case["gradients"]}
            for case in cases]
    answers, _ = parity.ask("forecast", jobs)
    for case, answer in zip(cases, answers):
        if "error" in answer:
            raise SystemExit(f"parity: {case['spec']}: {answer['error']}")
        live = Live(case["backend"], case["shape"], case["gradients"], **case["options"])
        tally.events(kind, live.run(case["steps"]), answer["events"])


def run_configs(parity, tally, cases):
    jobs = [{"config": config, "shape": shape} for config, shape in cases]
    for (config, shape), answer in zip(cases, parity.ask("forecast", jobs)[0]):
        tally.config(constructed(config, shape), answer)


def run(parity):
    tally = Tally(parity)
    with one_thread():
        run_events(parity, tally, "updates", list(update_cases(parity)))
        run_events(parity, tally, "operations", list(operation_cases(parity)))
        run_configs(parity, tally, list(config_cases(parity)))
    tally.close()

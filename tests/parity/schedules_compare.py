"""A cache of the peer's and one of ours over the same K and V, compared after every update."""

import collections

from common import count_different
from peer_cache import PEER, PeerCache

BATCH = 48_000_000  # elements of views that are asked for at once


def spec_of(backend, options, keys=""):
    """keys: further ones of the codec, each with its comma."""
    if backend == "fp8":
        return "hf-fp8"
    side = f"{backend}:bits={options['nbits']},group={options['q_group_size']}{keys}"
    lane = f"residual={options['residual_length']},schedule=hf"
    return f"k={side},axis={options['axis_key']},{lane}/v={side},axis={options['axis_value']},{lane}"


def view_elements(case):
    batch, heads, _, size = case["kv"][0].shape
    lengths, held = 0, 0
    for op in case["ops"]:
        held = 0 if op == "reset" else held + (op if isinstance(op, int) else 0)
        lengths += held if isinstance(op, int) else 0
    return 2 * batch * heads * size * lengths


class Comparison:
    """One case: ours is told already, the peer's is made on the way."""

    def __init__(self, parity, case, states, answers, largest):
        self.parity, self.case, self.answers = parity, case, answers
        self.states = iter(states)
        self.at = {name: 0 for name in answers}
        self.name = f"{case['variant']}, {case['data']}: "
        self.views_may_differ = case["keys"] == ",solver=on"  # and the portable arithmetic
        self.largest = largest  # differences of views, by row
        self.flushes = 0  # that were compared, between two resets

    def row(self, what, **options):
        return self.parity.row(PEER, self.name + what, **options)

    def count(self, what, theirs, ours, **options):
        row = self.row(what, **options)
        row.compared += theirs.numel()
        row.differing += count_different(theirs, ours)

    def take(self, name, size):
        start = self.at[name]
        self.at[name] = start + size
        return self.answers[name][start:start + size]

    def numbers(self, what, theirs, ours):
        row = self.row(what)
        row.compared += 1
        row.differing += theirs != ours

    def compare_views(self, theirs, ours):
        if not self.views_may_differ:
            return self.count("views", theirs, ours)
        row = self.row("views", allowed=0.1)
        self.count("views", theirs, ours)
        difference = (theirs.float().reshape(-1) - ours).abs().max() / theirs.float().abs().max()
        self.largest[row.what] = max(self.largest[row.what], float(difference))
        row.note = f"zeros differ in last bits: by {self.largest[row.what]:.1e} of the largest value at most"

    def update(self, peer, views, count):
        """False if the peer cannot read what it has just encoded: its packing drops rows (area_forecast.py says when)."""
        state = next(self.states)
        for side, view in zip(("key", "value"), views):
            self.compare_views(view, self.take(f"{side}.views", view.numel()))
        self.numbers("length", peer.length(), state["length"])
        self.numbers("flushes", peer.layer.flushes, state["flushes"])
        if not peer.readable():
            return False
        self.flushes = max(self.flushes, *peer.layer.flushes)
        for i, (side, codes, fresh) in enumerate(zip(("key", "value"), peer.codes(), peer.fresh_codes(count))):
            ours = self.take(f"{side}.packed", state["packed"][i])
            if ours.numel():
                self.count("packed codes", fresh, ours)
            self.numbers("bytes of codes held", codes.numel(), state["code_bytes"][i])
        return True

    def run(self):
        """True if the peer got to the end."""
        peer, first = PeerCache(self.case["backend"], self.case["solver"], **self.case["options"]), 0
        for op in self.case["ops"]:
            if op == "reset":
                peer.reset()
            elif isinstance(op, list):
                peer.reorder(op)
            else:
                fresh = [t[:, :, first:first + op].clone() for t in self.case["kv"]]
                first += op
                try:
                    views = peer.append(*fresh)
                except (RuntimeError, ValueError):
                    return False
                if not self.update(peer, views, op):
                    return False
        return True


def ask(parity, cases):
    jobs, tensors = [], {}
    for i, case in enumerate(cases):
        tensors[f"k{i}"], tensors[f"v{i}"] = case["kv"]
        jobs.append({"id": str(i), "spec": spec_of(case["backend"], case["options"], case["keys"]), "key": f"k{i}",
                     "value": f"v{i}", "ops": case["ops"]})
    return parity.ask("cache", jobs, tensors, wrong=parity.wrong)


def compare(parity, cases, tally):
    results, answers = ask(parity, cases)
    for i, case in enumerate(cases):
        if "error" in results[i]:
            raise SystemExit(f"parity: {case['options']}: {results[i]['error']}")
        mine = {name.split(".", 1)[1]: tensor for name, tensor in answers.items() if name.startswith(f"{i}.")}
        comparison = Comparison(parity, case, results[i], mine, tally)
        tell(comparison.row("cases"), tally, comparison.run(), comparison.flushes)


def tell(row, tally, finished, flushes):
    """The row of cases counts them; its note says how far they went."""
    row.compared += 1
    tally[row.what, "raised"] += not finished
    tally[row.what, "flushed"] += flushes >= 5
    row.note = (f"{tally[row.what, 'raised']} end early, where the peer raises; "
                f"{tally[row.what, 'flushed']} flush 5 times or more")


def run_cases(parity, cases):
    batch, size, tally = [], 0, collections.Counter()
    for case in cases:
        batch.append(case)
        size += view_elements(case)
        if size > BATCH:
            compare(parity, batch, tally)
            batch, size = [], 0
    if batch:
        compare(parity, batch, tally)

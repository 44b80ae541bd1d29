"""What was shown on a GPU and what was not: a list of items, each passed, failed or not run, with why and with figures."""

import json
import time
import traceback

PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"


class NotRun(Exception):
    """The item could not be tried; says why."""


class Evidence:
    def __init__(self, machine, say=print):
        self.machine, self.items, self.say = machine, [], say

    def item(self, name, action, needs=()):
        """Runs action() -> figures. An AssertionError, or any other, fails the item; the others still run."""
        missing = [other for other in needs if self.state(other) != PASSED]
        start = time.monotonic()
        figures, why = {}, ""
        try:
            if missing:
                raise NotRun(f"needs what did not pass: {', '.join(missing)}")
            figures, state = action() or {}, PASSED
        except NotRun as reason:
            state, why = NOT_RUN, str(reason)
        except AssertionError as reason:
            state, why = FAILED, str(reason)
        except Exception:  # a bug of these scripts is a failed item, too
            state, why = FAILED, traceback.format_exc()
        self.items.append({"item": name, "state": state, "why": why, "seconds": round(time.monotonic() - start, 1), "figures": figures})
        self.say(f"{state:<8} {name}{': ' + why if why else ''}")

    def state(self, name):
        return next((item["state"] for item in self.items if item["item"] == name), NOT_RUN)

    def count(self, state):
        return sum(item["state"] == state for item in self.items)

    def exit_code(self):
        """0: everything that was tried passed; 1: something failed; 4: nothing could be tried."""
        if self.count(FAILED):
            return 1
        return 0 if self.count(PASSED) else 4

    def write(self, file):
        totals = {state: self.count(state) for state in (PASSED, FAILED, NOT_RUN)}
        file.write_text(json.dumps({"schema": "kvdiff.gpu_evidence/1", "machine": self.machine, "totals": totals,
                                    "items": self.items}, indent=1) + "\n")
        self.say(f"{totals[PASSED]} passed, {totals[FAILED]} failed, {totals[NOT_RUN]} not run: {file}")

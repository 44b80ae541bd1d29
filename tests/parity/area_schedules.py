"""Schedules, state by state: transformers 5.23's cache layers and ours are fed the same K and V, and after every update
what attention sees, the codes, the length and the number of flushes are compared."""

import schedules_drawn
import schedules_generated


def run(parity):
    schedules_drawn.run(parity)
    schedules_generated.run(parity)

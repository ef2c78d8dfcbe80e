"""Now, in two times: what a clock says, and what this process has had of the cores."""

import time
from typing import NamedTuple


class Moment(NamedTuple):
    """A point in time; two have a difference each.

    wall (float): Seconds by the clock.
    cpu (float): Seconds of all cores that the process has used; it shows where others had the machine.
    """

    wall: float
    cpu: float


def moment() -> Moment:
    """Now."""
    return Moment(time.perf_counter(), time.process_time())

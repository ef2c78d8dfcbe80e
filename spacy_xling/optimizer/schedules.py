"""Numbers that change with the optimiser step, as pure functions of it.

Unlike thinc's schedules, which are generators, these can be pickled, copied and asked for any step, so a
component can hold one and a resumed run continues where it stopped. Steps are counted from 0.
"""

import math
from collections.abc import Callable

from ..errors import Errors

Schedule = float | Callable[[int], float]


def value_at(schedule: Schedule, step: int) -> float:
    """The value of a schedule, a number or a function, at an optimiser step, counted from 0."""
    return schedule(step) if callable(schedule) else float(schedule)


def require_not_negative(name: str, value: float) -> None:
    """Refuse a number, by its name in the config, that is negative or not finite: X601."""
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(Errors.X601.format(name=name, value=value))


def require_positive(name: str, value: float) -> None:
    """Refuse a number, by its name in the config, that is zero, negative or not finite: X602."""
    if not (math.isfinite(value) and value > 0):
        raise ValueError(Errors.X602.format(name=name, value=value))


def require_steps(name: str, value: int) -> None:
    """Refuse a number of steps, by its name in the config, below 1 or with a fraction: X603."""
    if value < 1 or value != int(value):
        raise ValueError(Errors.X603.format(name=name, value=value))


class StepFunction:
    """A function of the step that is defined by its attributes alone."""

    def __call__(self, step: int) -> float:
        """The value at an optimiser step, counted from 0."""
        raise NotImplementedError

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({arguments})"


class Constant(StepFunction):
    """See `build_constant_v1`."""

    def __init__(self, value: float) -> None:
        require_not_negative("value", value)
        self.value = value

    def __call__(self, step: int) -> float:
        return self.value


class Warmup(StepFunction):
    """See `build_warmup_v1`."""

    def __init__(self, value: float, steps: int) -> None:
        require_not_negative("value", value)
        require_steps("steps", steps)
        self.value = value
        self.steps = steps

    def __call__(self, step: int) -> float:
        return self.value * min(1.0, (step + 1) / self.steps)


class Ramp(StepFunction):
    """Goes from `start` to `end` in `steps` steps, and stays there; each class says what lies between."""

    require = staticmethod(require_not_negative)

    def __init__(self, start: float, end: float, steps: int) -> None:
        self.require("start", start)
        self.require("end", end)
        require_steps("steps", steps)
        self.start = start
        self.end = end
        self.steps = steps

    def __call__(self, step: int) -> float:
        return self.end if step >= self.steps else self.between(step)

    def between(self, step: int) -> float:
        """The value at a step before the last."""
        raise NotImplementedError


class Linear(Ramp):
    """See `build_linear_v1`."""

    def between(self, step: int) -> float:
        return self.start + (self.end - self.start) * step / self.steps


class Exponential(Ramp):
    """See `build_exponential_v1`."""

    require = staticmethod(require_positive)

    def between(self, step: int) -> float:
        return self.start * (self.end / self.start) ** (step / self.steps)


class WarmupLinear(StepFunction):
    """See `build_warmup_linear_v1`."""

    def __init__(self, value: float, warmup_steps: int, total_steps: int) -> None:
        require_not_negative("value", value)
        self.value = value
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps

    def __call__(self, step: int) -> float:
        if step < self.warmup_steps:
            return self.value * (step + 1) / self.warmup_steps
        return self.value * max(0, self.total_steps - step) / (self.total_steps - self.warmup_steps)


def build_constant_v1(value: float) -> Constant:
    """Build a schedule that never changes.

    value (float): The value, at least 0.
    RETURNS (Constant): A function of the step.
    RAISES (ValueError): X601.
    """
    return Constant(value)


def build_warmup_v1(value: float, steps: int) -> Warmup:
    """Build a schedule that rises from 0 in a straight line and stays: value * min(1, (t + 1) / steps).

    The first step already gets value / steps, for an optimiser step at rate 0 is a batch thrown away; step
    `steps - 1` is the first at the full value.

    value (float): The value to reach, at least 0.
    steps (int): Number of steps on the way, at least 1.
    RETURNS (Warmup): A function of the step.
    RAISES (ValueError): X601, X603.
    """
    return Warmup(value, steps)


def build_linear_v1(start: float, end: float, steps: int) -> Linear:
    """Build a schedule that goes from one value to another in a straight line:
    start + (end - start) * t / steps, then end.

    start (float): The value at step 0, at least 0.
    end (float): The value from step `steps` on, at least 0.
    steps (int): Number of steps between the two, at least 1.
    RETURNS (Linear): A function of the step.
    RAISES (ValueError): X601, X603.
    """
    return Linear(start, end, steps)


def build_exponential_v1(start: float, end: float, steps: int) -> Exponential:
    """Build a schedule that goes from one value to another by a constant factor per step:
    start * (end / start) ** (t / steps), then end.

    SiATL (Chronopoulou et al. 2019, arXiv 1902.10547) lets the weight of its language-model term fall so,
    as exp(linspace(-1.6, -2.3)): from 0.202 to 0.100.

    start (float): The value at step 0, above 0.
    end (float): The value from step `steps` on, above 0.
    steps (int): Number of steps between the two, at least 1.
    RETURNS (Exponential): A function of the step.
    RAISES (ValueError): X602, X603.
    """
    return Exponential(start, end, steps)


def build_warmup_linear_v1(value: float, total_steps: int, warmup_share: float = 0.1) -> WarmupLinear:
    """Build the usual schedule of a learning rate: from 0 up to a value in a straight line, then down to 0:
    value * (t + 1) / warmup_steps for t < warmup_steps = int(warmup_share * total_steps), then
    value * (total_steps - t) / (total_steps - warmup_steps), then 0.

    After the warm-up it equals `get_linear_schedule_with_warmup` of transformers; before, it is one step
    ahead of it, so that the first step is not taken at rate 0.

    value (float): The value at the top, at least 0.
    total_steps (int): The first step with value 0, at least 1.
    warmup_share (float): Share of the steps on the way up, from 0 (start at the top) to below 1.
    RETURNS (WarmupLinear): A function of the step.
    RAISES (ValueError): X601, X603, X604.
    """
    require_steps("total_steps", total_steps)
    if not 0 <= warmup_share < 1:
        raise ValueError(Errors.X604.format(warmup_share=warmup_share))
    return WarmupLinear(value, int(warmup_share * total_steps), total_steps)

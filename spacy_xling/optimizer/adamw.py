"""AdamW for spaCy: torch's fused kernel behind thinc's optimiser interface."""

import re
from collections.abc import Callable, Sequence
from functools import reduce, wraps
from itertools import count
from typing import Any, NamedTuple, TypeAlias, cast

import torch
from thinc.api import Optimizer, torch2xp
from thinc.optimizers import FloatOrSeq
from thinc.types import FloatsXd
from torch.optim.adamw import adamw
from torch.utils.dlpack import from_dlpack

from ..errors import Errors
from ..pairs import Pairs, read_pairs
from .schedules import require_not_negative, require_positive, require_steps

# (id of the thinc node or shim, name of the parameter)
Key = tuple[int, str]
LearnRate: TypeAlias = FloatOrSeq | Callable[[int], float]

# Guards the division of a clip by the norm of a gradient of zeros.
TINY = 1e-12
# What `torch.nn.utils.clip_grad_norm_` adds to the norm.
CLIP_EPS = 1e-6
MAX_AVERAGE_DECAY = 0.9999


class Part(NamedTuple):
    """A parameter to step.

    key (Key): Its node and name.
    array (FloatsXd): The parameter, in numpy or cupy.
    weights (Tensor): The same memory, as a tensor.
    gradient (Tensor): Its gradient. *Shape:* that of the weights
    """

    key: Key
    array: FloatsXd
    weights: torch.Tensor
    gradient: torch.Tensor

    @property
    def is_plain(self) -> bool:
        """Whether the fused kernel can be trusted: on a CPU it walks the memory and disregards strides,
        without a word.
        """
        return self.weights.is_contiguous() and self.gradient.is_contiguous()


class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101).

    For the gradient g of weights w at their t-th update:

        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g ** 2
        w = w - rate * (m / (1 - beta1 ** t) / (sqrt(v / (1 - beta2 ** t)) + eps) + weight_decay * w)

    Vectors and single numbers, that is biases and the parameters of norms, do not decay. Weights, moments and
    averages are changed in place by torch kernels, on a CPU and on a GPU.

    thinc hands over one parameter at a time, so each gradient is clipped by its own norm. The shims of this
    package hand over all of a module's at once, to `step_together`, which clips by the norm of all.

    learn_rate (LearnRate): A number, a function of the step or a thinc schedule.
    beta1 (float): Decay of the gradient's running mean, in [0, 1).
    beta2 (float): Decay of the squared gradient's running mean, in [0, 1).
    eps (float): Added to the denominator, above 0.
    weight_decay (float): Share of the weights, times the rate, that a step takes off; at least 0.
    grad_clip (float): Greatest norm of one parameter's gradient; 0 clips nothing.
    use_averages (bool): Keep a running mean of the weights, which spaCy evaluates and saves instead of them:
        a = d * a + (1 - d) * w with d = min(0.9999, (1 + t) / (10 + t)), and a = w before the first update.
    average_last (int): Instead of that, keep the plain mean of the weights at the last N checkpoints
        (Schmidt+ 2023, arXiv 2305.16834), as many as there are at first; 0 keeps none. The main memory holds
        as many copies of the weights. Averages reach thinc's layers and this package's components; the torch
        weights of others, such as those of spacy-transformers, stay as they are.
    average_every (int): Steps from one such checkpoint to the next, the first being after the first step.
        With the `eval_frequency` of the training, which evaluates at these very steps, they are the weights
        at the last evaluations. Steps are counted in calls of `step_schedules`, as spaCy's loop makes them.
    rate_factors (Pairs): Pairs of a regular expression that is searched in a parameter's name, and what to
        multiply its rate with, `[["^head", 20.0]]`. The first that is found counts; 0 freezes. None for none.
    RAISES (ValueError): X601, X602, X603, X605, X606, X620; X001, X002, X003 of the pairs.
    """

    # thinc locks its optimiser against unknown attributes by slots: so does this one.
    __slots__ = ["average_every", "average_last", "counts", "kept", "live", "rate_factors", "steps"]

    counts: dict[Key, torch.Tensor]
    # The weights at the last checkpoints, oldest first, in main memory.
    kept: list[dict[Key, torch.Tensor]]
    # The parameters themselves: a checkpoint holds those too that took no part in its step.
    live: dict[Key, FloatsXd]
    rate_factors: list[tuple[re.Pattern[str], float]]

    def __init__(
        self,
        learn_rate: LearnRate = 5e-5,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        grad_clip: float = 1.0,
        use_averages: bool = False,
        average_last: int = 0,
        average_every: int = 200,
        rate_factors: Pairs = None,
    ) -> None:
        super().__init__(
            map(learn_rate, count()) if callable(learn_rate) else learn_rate,
            L2=weight_decay,
            beta1=beta1,
            beta2=beta2,
            eps=eps,
            grad_clip=grad_clip,
            use_averages=use_averages or average_last > 0,
        )
        require_not_negative("learn_rate", self.learn_rate)
        require_not_negative("weight_decay", weight_decay)
        require_not_negative("grad_clip", grad_clip)
        require_positive("eps", eps)
        for name, beta in (("beta1", beta1), ("beta2", beta2)):
            if not 0.0 <= beta < 1.0:
                raise ValueError(Errors.X605.format(name=name, value=beta))
        require_not_negative("average_last", average_last)
        require_steps("average_every", average_every)
        if use_averages and average_last:
            raise ValueError(Errors.X620.format(average_last=average_last))
        self.average_last, self.average_every = average_last, average_every
        self.counts, self.live = {}, {}
        self.kept = []
        self.steps = 0
        self.rate_factors = _compile_factors(read_pairs("rate_factors", rate_factors))

    def __call__(
        self, key: Key, weights: FloatsXd, gradient: FloatsXd, *, lr_scale: float = 1.0
    ) -> tuple[FloatsXd, FloatsXd]:
        """Update one parameter in place and zero its gradient.

        A parameter whose shape has changed since its last update, such as a head that grew, starts again.

        key (Key): The parameter's node and name.
        weights (FloatsXd): The parameter, in numpy or cupy.
        gradient (FloatsXd): Its gradient. *Shape:* that of the weights
        lr_scale (float): Multiplies the rate of this update.
        RETURNS (tuple[FloatsXd, FloatsXd]): The same two arrays.
        """
        if gradient.size < 1:
            return weights, gradient
        w, g = from_dlpack(weights), from_dlpack(gradient)
        self._begin(key, weights, w)
        if self.grad_clip:
            _clip(g, self.grad_clip)
        self._step([Part(key, weights, w, g)], self._rate(key, lr_scale), None)
        g.zero_()
        self._average(key, weights, w)
        return weights, gradient

    def step_together(self, keys: Sequence[Key], parameters: Sequence[torch.Tensor]) -> None:
        """Update parameters of one module in place, their gradients clipped by the norm of all of them.

        keys (Sequence[Key]): Each parameter's node and name.
        parameters (Sequence[Tensor]): The parameters. What their gradients hold afterwards is of no use.
        """
        gradients = [cast(torch.Tensor, parameter.grad) for parameter in parameters]
        shrink = _shrinking(gradients, self.grad_clip) if self.grad_clip and gradients else None
        alike: dict[tuple[float, bool, bool], list[Part]] = {}
        for key, parameter, gradient in zip(keys, parameters, gradients, strict=True):
            w = parameter.detach()
            part = Part(key, torch2xp(w), w, gradient)
            self._begin(key, part.array, w)
            alike.setdefault((self._rate(key), w.ndim > 1, part.is_plain), []).append(part)
        for (rate, _, _), parts in alike.items():
            self._step(parts, rate, shrink)
            for part in parts:
                self._average(part.key, part.array, part.weights)

    def _begin(self, key: Key, weights: FloatsXd, w: torch.Tensor) -> None:
        """Count an update; a parameter that is new, or whose shape has changed, starts again."""
        if key not in self.mom1 or self.mom1[key].shape != w.shape:
            self.nr_update[key] = 0
            self.counts[key] = torch.zeros((), device=w.device)
            self.mom1[key] = torch.zeros_like(w)
            self.mom2[key] = torch.zeros_like(w)
            if self.averages is not None:
                self.averages[key] = weights.copy()
            # What is stepped for the first time was until now what it is.
            for checkpoint in self.kept:
                checkpoint[key] = _copy(w)
        self.nr_update[key] += 1

    def _average(self, key: Key, weights: FloatsXd, w: torch.Tensor) -> None:
        if self.average_last:
            self.live[key] = weights
        elif self.averages is not None:
            t = self.nr_update[key]
            decay = min(MAX_AVERAGE_DECAY, (1 + t) / (10 + t))
            from_dlpack(self.averages[key]).lerp_(w, 1 - decay)

    def step_schedules(self) -> None:
        """End a step: advance the rate's schedule, and keep the weights where a checkpoint is due."""
        super().step_schedules()
        if self.average_last and self.steps % self.average_every == 0:
            self._keep()
        self.steps += 1

    def watch(self, key: Key, weights: FloatsXd) -> None:
        """Note a parameter, in numpy or cupy, that was updated before, by the run that this one resumes."""
        if self.average_last:
            self.live[key] = weights

    def _keep(self) -> None:
        averages = cast(dict[Key, FloatsXd], self.averages)
        self.kept.append({key: _copy(from_dlpack(weights)) for key, weights in self.live.items()})
        del self.kept[: -self.average_last]
        for key in self.live:
            total = reduce(torch.add, [checkpoint[key] for checkpoint in self.kept])
            from_dlpack(averages[key]).copy_(total / len(self.kept))

    def _step(self, parts: Sequence[Part], rate: float, shrink: torch.Tensor | None) -> None:
        """Step weights of one rate, all of them matrices or none, all plain or none.

        shrink (Tensor | None): What gradients are divided by before.
        """
        fused = parts[0].is_plain
        gradients = [part.gradient for part in parts]
        # The fused kernel takes a divisor along, in fp32 only.
        if shrink is not None and not (fused and shrink.dtype == torch.float32):
            torch._foreach_div_(gradients, shrink)
            shrink = None
        adamw(
            [part.weights for part in parts],
            gradients,
            [self.mom1[part.key] for part in parts],
            [self.mom2[part.key] for part in parts],
            [],
            [self.counts[part.key] for part in parts],
            fused=fused,
            grad_scale=shrink,
            amsgrad=False,
            beta1=self.b1,
            beta2=self.b2,
            lr=rate,
            weight_decay=self.L2 if parts[0].weights.ndim > 1 else 0.0,
            eps=self.eps,
            maximize=False,
        )

    def _rate(self, key: Key, lr_scale: float = 1.0) -> float:
        factors = (factor for pattern, factor in self.rate_factors if pattern.search(key[1]))
        return self.learn_rate * lr_scale * next(factors, 1.0)


# Configs and docs read the settings and what they mean off the class.
@wraps(AdamW, assigned=["__doc__"], updated=())
def build_adamw_v1(*args: Any, **settings: Any) -> AdamW:
    return AdamW(*args, **settings)


def _clip(gradient: torch.Tensor, threshold: float) -> None:
    """Scale a gradient down to a norm."""
    norm = torch.linalg.vector_norm(gradient)
    # To look at the norm is free on a CPU; a GPU would have to be waited for, so there the factor may be 1.
    if gradient.is_cuda or norm > threshold:
        gradient.mul_((threshold / norm.clamp(min=TINY)).clamp(max=1.0))


def _shrinking(gradients: list[torch.Tensor], threshold: float) -> torch.Tensor | None:
    """What to divide gradients by, for the norm of all of them to be at most the threshold; None for
    nothing. As `torch.nn.utils.clip_grad_norm_`, which goes over all gradients once more.
    """
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    if not gradients[0].is_cuda and not norm > threshold:
        return None
    return ((norm + CLIP_EPS) / threshold).clamp(min=1.0)


def _copy(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to("cpu", copy=True)


def _compile_factors(rate_factors: dict[str, float]) -> list[tuple[re.Pattern[str], float]]:
    compiled = []
    for pattern, factor in rate_factors.items():
        require_not_negative(f"rate_factors[{pattern!r}]", factor)
        try:
            compiled.append((re.compile(pattern), factor))
        except re.error as error:
            raise ValueError(Errors.X606.format(pattern=pattern, reason=error)) from error
    return compiled

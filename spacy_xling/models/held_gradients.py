"""Gradients kept apart from those that another owner of the same parameters adds up."""

import contextlib
from collections.abc import Iterator, Sequence

from torch import Tensor, nn


class HeldGradients:
    """Adds up gradients of parameters without touching their `grad`, until `release`.

    thinc's gradient scaler scales back whatever stands in `grad` at each backward pass of its shim. A
    gradient that was never scaled, of a pass of our own, would come out too small by the scale.
    """

    def __init__(self) -> None:
        self._held: dict[nn.Parameter, Tensor] = {}

    def __bool__(self) -> bool:
        return bool(self._held)

    @contextlib.contextmanager
    def collecting(self, parameters: Sequence[nn.Parameter]) -> Iterator[None]:
        """Whatever a backward pass within adds to the gradients of the parameters is held back."""
        theirs = [parameter.grad for parameter in parameters]
        for parameter in parameters:
            parameter.grad = self._held.get(parameter)
        try:
            yield
        finally:
            for parameter, gradient in zip(parameters, theirs, strict=True):
                if parameter.grad is not None:
                    self._held[parameter] = parameter.grad
                parameter.grad = gradient

    def release(self) -> None:
        """Add what is held to the parameters' gradients, and hold nothing."""
        for parameter, gradient in self._held.items():
            parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
        self._held.clear()

    def drop(self) -> None:
        """Hold nothing, and add nothing."""
        self._held.clear()

"""The transformer component whose encoder the other components of a pipeline share.

It is that of spacy-transformers 1.4. Version 2 takes newer releases of `transformers`. Once it can be
installed, look again at what this file reads of a component (`model.transformer`, `model.tokenizer`, the shim
and `attrs["name"]`), and at the range of the extra `shared`.
"""

from collections.abc import Callable
from types import MethodType
from typing import Any, NamedTuple

from spacy.language import Language
from thinc.api import Optimizer, PyTorchShim

from ..errors import Errors, requiring


class Upstream(NamedTuple):
    """A transformer component, as it is now: loading a pipeline replaces what it holds.

    transformer (PreTrainedModel): Its encoder.
    tokenizer (PreTrainedTokenizerBase): Its tokenizer.
    checkpoint (str): The hub name or folder that its config names.
    shim (PyTorchShim): What steps the encoder.
    """

    transformer: Any
    tokenizer: Any
    checkpoint: str
    shim: PyTorchShim


class StepHook:
    """Is called once, right before a shim's next optimiser step, which it replaces until then.

    shim (PyTorchShim): The shim.
    before_step (Callable[[], None]): What to call.
    """

    def __init__(self, shim: PyTorchShim, before_step: Callable[[], None]) -> None:
        self.shim = shim
        self.before_step = before_step
        # Another component may wait for the same step.
        self.other = vars(shim).get("finish_update")
        shim.finish_update = self  # type: ignore[method-assign]

    def __call__(self, optimizer: Optimizer) -> None:
        if self.other is None:
            del self.shim.finish_update
        else:
            self.shim.finish_update = self.other  # type: ignore[method-assign]
        self.before_step()
        self.shim.finish_update(optimizer)

    def __deepcopy__(self, memo: dict[int, object]) -> MethodType:
        # Nobody waits for the steps of a copy of the shim.
        return MethodType(type(self.shim).finish_update, memo[id(self.shim)])


def transformer_class(name: str) -> Any:
    """`spacy_transformers.Transformer`, for a component by its name. An ImportError names the extra."""
    with requiring(Errors.X527, name=name):
        from spacy_transformers import Transformer
    return Transformer


def find_upstream(nlp: Language, upstream: str, name: str) -> Upstream:
    """Look the transformer up in the pipeline.

    nlp (Language): The pipeline.
    upstream (str): The transformer's name.
    name (str): The component that asks.
    RETURNS (Upstream): The transformer.
    RAISES (ImportError): spacy-transformers is missing; the message names the extra. (ValueError): There is
        no component of that name, it is none of spacy-transformers, or its encoder isn't loaded yet.
    """
    Transformer = transformer_class(name)
    if upstream not in nlp.component_names:
        raise ValueError(Errors.X520.format(upstream=upstream, name=name, found=list(nlp.component_names)))
    component = nlp.get_pipe(upstream)
    if not isinstance(component, Transformer):
        raise ValueError(Errors.X521.format(upstream=upstream, name=name, found=type(component).__name__))
    model = component.model
    if model.transformer is None:
        raise ValueError(Errors.X522.format(upstream=upstream, name=name))
    (shim,) = (shim for node in model.walk() for shim in node.shims)
    return Upstream(model.transformer, model.tokenizer, model.attrs["name"], shim)

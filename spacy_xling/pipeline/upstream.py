"""The transformer component whose encoder the other components of a pipeline share."""

from typing import Any, NamedTuple

from spacy.language import Language
from spacy_transformers import Transformer
from thinc.api import Optimizer

from ..errors import Errors
from ..models.held_gradients import HeldGradients


class Upstream(NamedTuple):
    """A transformer component, as it is now: loading a pipeline replaces what it holds.

    component (Transformer): The component.
    transformer (PreTrainedModel): Its encoder.
    tokenizer (PreTrainedTokenizerBase): Its tokenizer.
    checkpoint (str): The hub name or folder that its config names.
    scales_gradients (bool): Whether a gradient scaler changes what stands in its parameters' gradients.
    """

    component: Transformer
    transformer: Any
    tokenizer: Any
    checkpoint: str
    scales_gradients: bool


def find_upstream(nlp: Language, upstream: str, name: str) -> Upstream:
    """Look the transformer up in the pipeline.

    nlp (Language): The pipeline.
    upstream (str): The transformer's name.
    name (str): The component that asks.
    RETURNS (Upstream): The transformer.
    RAISES (ValueError): There is no component of that name, it is none of spacy-transformers, or its encoder
        isn't loaded yet.
    """
    if upstream not in nlp.component_names:
        raise ValueError(Errors.X520.format(upstream=upstream, name=name, found=list(nlp.component_names)))
    component = nlp.get_pipe(upstream)
    if not isinstance(component, Transformer):
        raise ValueError(Errors.X521.format(upstream=upstream, name=name, found=type(component).__name__))
    model = component.model
    if model.transformer is None:
        raise ValueError(Errors.X522.format(upstream=upstream, name=name))
    shims = [shim for node in model.walk() for shim in node.shims if hasattr(shim, "_grad_scaler")]
    scales = any(shim._grad_scaler._enabled for shim in shims)
    return Upstream(component, model.transformer, model.tokenizer, model.attrs["name"], scales)


def release_at_step(component: Transformer, held: HeldGradients) -> None:
    """Let the component's next optimiser step, which comes before those of the components behind it, find
    what is held in its gradients.

    component (Transformer): The transformer component.
    held (HeldGradients): Gradients on its parameters.
    """
    own = component.finish_update

    def finish_update(sgd: Optimizer) -> None:
        component.finish_update = own
        held.release()
        own(sgd)

    component.finish_update = finish_update

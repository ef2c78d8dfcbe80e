"""Docs through a text classifier's model, which otherwise takes pieces."""

from collections.abc import Callable, Sequence

from spacy.tokens import Doc
from thinc.api import Model

from ..pieces.windows import select_texts
from ..types import Floats2d, Gradients, JointBatch
from .contracts import classifier_of


def forward_docs(
    model: Model, docs: Sequence[Doc], is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], None]]:
    """Logits of Docs, as the models of spaCy's own components give them. A text without any piece has zeros,
    and nothing is learnt from it. `doc.text` is read: another `text_field` is a setting of the component.

    model (Model): A text classifier's.
    docs (Sequence[Doc]): The documents.
    is_train (bool): Whether the callback will be called.
    RETURNS (tuple): The logits, and the callback that takes the gradient on them. *Shape of both:*
        (docs, labels)
    RAISES (ValueError): Nothing was loaded yet.
    """
    shim = classifier_of(model)
    pieces = shim.split([doc.text for doc in docs])
    logits = model.ops.alloc2f(len(docs), shim.n_labels)
    if not pieces.has_words.any():
        return logits, lambda d_logits: None
    rows = model.ops.xp.asarray(pieces.has_words)
    texts = select_texts(pieces, pieces.has_words)
    if not is_train:
        logits[rows] = model.predict(texts)
        return logits, lambda d_logits: None
    (logits[rows], _), backprop = model.begin_update(JointBatch(texts, None))
    return logits, lambda d_logits: backprop(Gradients(d_logits[rows], 0.0))

"""Callbacks for a training config."""

from typing import Callable

from spacy.language import Language


def build_attach_unlabelled_v1(component: str, unlabelled: Callable) -> Callable[[Language], Language]:
    """Give raw text to a component that is sourced from another pipeline, which spaCy doesn't initialize
    again. For `[initialize.after_init]`.

    component (str): Name of the component.
    unlabelled (Callable): A reader of raw text, e.g. `spacy-xling.UnlabelledText.v1`.
    RETURNS (Callable): The callback.
    """

    def attach_unlabelled(nlp: Language) -> Language:
        nlp.get_pipe(component).attach_unlabelled(unlabelled(nlp))  # type: ignore[attr-defined]
        return nlp

    return attach_unlabelled

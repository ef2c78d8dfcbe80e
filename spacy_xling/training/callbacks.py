"""Callbacks for a training config."""

import copy
from collections.abc import Callable
from typing import Any

from spacy.language import Language

from ..errors import Errors


def build_attach_unlabelled_v1(
    component: str,
    unlabelled: Callable,
    heldout_texts: int = 0,
    heldout_languages: list[str] | None = None,
    labelled: Callable | None = None,
) -> Callable[[Language], Language]:
    """Give raw text to a component that is sourced from another pipeline, which spaCy doesn't initialize
    again. For `[initialize.after_init]`.

    component (str): Name of the component.
    unlabelled (Callable): A reader of raw text, e.g. `spacy-xling.UnlabelledText.v1`.
    heldout_texts (int): How many held-out texts of each language to measure the masked-LM loss on.
    heldout_languages (list[str] | None): Those languages; None for all.
    labelled (Callable | None): A reader of labelled text, to keep the component centred.
    RETURNS (Callable): The callback.
    """

    def attach_unlabelled(nlp: Language) -> Language:
        pipe: Any = nlp.get_pipe(component)
        if hasattr(pipe, "nlp"):
            # It still knows the pipeline that it comes from.
            pipe.nlp = nlp
        pipe.attach_unlabelled(unlabelled(nlp))
        pipe.attach_heldout(unlabelled, limit=heldout_texts, languages=heldout_languages)
        if labelled is None and getattr(pipe, "centring", False):
            raise ValueError(Errors.X546.format(name=component))
        if labelled is not None:
            pipe.attach_centring(unlabelled, (eg.reference for eg in labelled(nlp)), seed=pipe.seed)
        return nlp

    return attach_unlabelled


def build_attach_dictionaries_v1(component: str, dictionaries: Callable) -> Callable[[Language], Language]:
    """Give dictionaries to a component that is sourced from another pipeline, which spaCy doesn't initialize
    again. For `[initialize.after_init]`.

    component (str): Name of the component.
    dictionaries (Callable): A reader of dictionaries, e.g. `spacy-xling.Dictionaries.v1`.
    RETURNS (Callable): The callback.
    """
    return _attaching(component, "attach_dictionaries", dictionaries)


def build_attach_translations_v1(component: str, translations: Callable) -> Callable[[Language], Language]:
    """Give translations to a component that is sourced from another pipeline, which spaCy doesn't initialize
    again. For `[initialize.after_init]`.

    component (str): Name of the component.
    translations (Callable): A reader of translations, e.g. `spacy-xling.Translations.v1`.
    RETURNS (Callable): The callback.
    """
    return _attaching(component, "attach_translations", translations)


def _attaching(component: str, method: str, reader: Callable) -> Callable[[Language], Language]:
    """A callback that hands what a reader reads to a method of a component."""

    def attach(nlp: Language) -> Language:
        getattr(nlp.get_pipe(component), method)(reader(nlp))
        return nlp

    return attach


def build_without_components_v1(components: list[str]) -> Callable[[Language], Language]:
    """Leave components out of the pipelines that training saves, such as `xling_mlm`, which nothing needs
    once training is over. For `[training.before_to_disk]`.

    components (list[str]): Their names.
    RETURNS (Callable): The callback, which gives a pipeline of the other components.
    """

    def without_components(nlp: Language) -> Language:
        shipped = copy.copy(nlp)
        # The components are the same, the lists of them aren't: training continues with all.
        shipped._config = nlp.config.copy()
        for name in ("_components", "_disabled", "_meta", "_pipe_configs", "_pipe_meta"):
            setattr(shipped, name, copy.copy(getattr(nlp, name)))
        for name in components:
            shipped.remove_pipe(name)
        # There is nothing left to leave out where training continues from what is saved.
        shipped._config["training"]["before_to_disk"] = None
        # Removing a component links the others again, which are those of the training.
        nlp._link_components()
        return shipped

    return without_components

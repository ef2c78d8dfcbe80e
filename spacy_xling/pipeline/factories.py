"""The factories of classifiers and the masked-LM term. Every `Language()` imports them: keep them light."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal

from spacy.language import Language
from thinc.api import Config, Model

if TYPE_CHECKING:
    from .xling_mlm import XlingMaskedLM
    from .xling_textcat import XlingTextCategorizer
    from .xling_textcat_multilabel import XlingMultiLabelTextCategorizer

TEXTCAT_CONFIG = Config().from_str("""
[textcat]
threshold = 0.0
text_field = "text"
code_switching = null
translated_texts = null
mlm_on_labelled = false
centring = false
texts_per_update = null
pieces_per_update = null
seed = 0

[textcat.model]
@architectures = "spacy-xling.JointTextCat.v1"
pooling = "mean"
pool_specials = true
hidden_width = null
pass_pieces = 2048
head = "plain"

[textcat.model.encoder]
@architectures = "spacy-xling.MaskedLMEncoder.v1"
name = "xlm-roberta-base"
window = null
overlap = 32
precision = "fp32"
dropout = null
freeze_embeddings = false
freeze_layers = 0

[textcat.objective]
@losses = "spacy-xling.JointObjective.v1"
mlm_weight = null
reduction = "mean"

[textcat.objective.classification]
@losses = "spacy-xling.CrossEntropy.v1"
class_weights = null
label_smoothing = 0.0

[textcat.masking]
@misc = "spacy-xling.whole_word_masking.v1"
rate = 0.15
mask_share = 0.8
random_share = 0.1
max_word_pieces = 10

[textcat.scorer]
@scorers = "spacy-xling.textcat_scorer.v1"
multi_label = false
""")

# Any number of labels may be true.
TEXTCAT_MULTILABEL_CONFIG = TEXTCAT_CONFIG.merge(
    Config().from_str("""
[textcat]
threshold = 0.5

[textcat.objective]

[textcat.objective.classification]
@losses = "spacy-xling.BinaryCrossEntropy.v1"
positive_weights = null

[textcat.scorer]
@scorers = "spacy-xling.textcat_scorer.v1"
multi_label = true
""")
)

MASKED_LM_CONFIG = Config().from_str("""
[mlm]
upstream = "transformer"
mlm_on_batch = false
texts_per_update = null
pieces_per_update = null
seed = 0

[mlm.model]
@architectures = "spacy-xling.SharedMaskedLM.v1"
head_from = null
window = null
overlap = 32
precision = "fp32"
pass_pieces = 2048

[mlm.objective]
@losses = "spacy-xling.MaskedLMObjective.v1"
mlm_weight = 0.1
reduction = "mean"

[mlm.masking]
@misc = "spacy-xling.whole_word_masking.v1"
rate = 0.15
mask_share = 0.8
random_share = 0.1
max_word_pieces = 10
""")

# As for spaCy's own textcat, and accuracy.
SCORE_WEIGHTS = {
    "cats_score": 1.0,
    "cats_score_desc": None,
    "cats_acc": None,
    "cats_micro_p": None,
    "cats_micro_r": None,
    "cats_micro_f": None,
    "cats_macro_p": None,
    "cats_macro_r": None,
    "cats_macro_f": None,
    "cats_macro_auc": None,
    "cats_f_per_type": None,
}


@Language.factory(
    "xling_textcat",
    assigns=["doc.cats", "doc._.abstained"],
    default_config=TEXTCAT_CONFIG["textcat"],
    default_score_weights=SCORE_WEIGHTS,
)
def make_xling_textcat(
    nlp: Language,
    name: str,
    model: Model,
    objective: Any,
    masking: Callable,
    code_switching: Any | None,
    translated_texts: Any | None,
    threshold: float,
    text_field: Literal["text", "translation"],
    scorer: Callable | None,
    mlm_on_labelled: bool,
    centring: bool,
    texts_per_update: int | None,
    pieces_per_update: int | None,
    seed: int,
) -> "XlingTextCategorizer":
    """Make a text classifier with exclusive classes; see `XlingTextCategorizer`."""
    from .xling_textcat import XlingTextCategorizer

    return XlingTextCategorizer(
        nlp.vocab,
        model,
        name,
        objective=objective,
        masking=masking,
        code_switching=code_switching,
        translated_texts=translated_texts,
        threshold=threshold,
        text_field=text_field,
        scorer=scorer,
        mlm_on_labelled=mlm_on_labelled,
        centring=centring,
        texts_per_update=texts_per_update,
        pieces_per_update=pieces_per_update,
        seed=seed,
        # spaCy gives a component no other hold on its own block.
        blocks=nlp._pipe_configs,
    )


@Language.factory(
    "xling_textcat_multilabel",
    assigns=["doc.cats"],
    default_config=TEXTCAT_MULTILABEL_CONFIG["textcat"],
    default_score_weights=SCORE_WEIGHTS,
)
# It has the settings of the other factory: spaCy and the docs read their names and types off that.
@wraps(make_xling_textcat, assigned=())
def make_xling_textcat_multilabel(
    nlp: Language, name: str, **settings: Any
) -> "XlingMultiLabelTextCategorizer":
    """Make a text classifier with independent labels; see `XlingMultiLabelTextCategorizer`."""
    from .xling_textcat_multilabel import XlingMultiLabelTextCategorizer

    return XlingMultiLabelTextCategorizer(nlp.vocab, name=name, blocks=nlp._pipe_configs, **settings)


@Language.factory("xling_mlm", default_config=MASKED_LM_CONFIG["mlm"])
def make_xling_mlm(
    nlp: Language,
    name: str,
    model: Model,
    objective: Any,
    masking: Callable,
    upstream: str,
    mlm_on_batch: bool,
    texts_per_update: int | None,
    pieces_per_update: int | None,
    seed: int,
) -> "XlingMaskedLM":
    """Make the masked-LM term of a shared transformer; see `XlingMaskedLM`."""
    from .xling_mlm import XlingMaskedLM

    return XlingMaskedLM(
        nlp,
        model,
        name,
        objective=objective,
        masking=masking,
        upstream=upstream,
        mlm_on_batch=mlm_on_batch,
        texts_per_update=texts_per_update,
        pieces_per_update=pieces_per_update,
        seed=seed,
    )

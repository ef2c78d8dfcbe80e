"""The factories of translators. Every `Language()` imports them: keep them light."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from spacy.language import Language
from thinc.api import Config, Model

from ..pairs import Pairs

if TYPE_CHECKING:
    from .xling_joint_translator import XlingJointTranslator
    from .xling_translator import XlingTranslator

TRANSLATOR_CONFIG = Config().from_str("""
[translator]
model = "facebook/m2m100_418M"
source = null
target = "en"
codes = []
precision = "fp32"
beams = null
length_ratio = 2.0
batch_pieces = 2048
batch_size = 64
split = true
retry = true
on_doubt = "keep"
save = true
""")

JOINT_TRANSLATOR_CONFIG = Config().from_str("""
[translator]
target = null
beams = 1
length_ratio = 2.0
batch_pieces = 2048
batch_size = 64
split = true
retry = true
texts_per_update = null
pieces_per_update = null
seed = 0

[translator.model]
@architectures = "spacy-xling.JointTranslation.v1"
layers = 2
heads = null
dropout = 0.1
pass_pieces = 2048

[translator.model.encoder]
@architectures = "spacy-xling.MaskedLMEncoder.v1"
name = "xlm-roberta-base"
window = null
overlap = 0
precision = "fp32"
dropout = null
freeze_embeddings = false
freeze_layers = 0

[translator.objective]
@losses = "spacy-xling.TranslationObjective.v1"
mlm_weight = 0.1
label_smoothing = 0.1
reduction = "mean"

[translator.masking]
@misc = "spacy-xling.whole_word_masking.v1"
rate = 0.15
mask_share = 0.8
random_share = 0.1
max_word_pieces = 10

[translator.scorer]
@scorers = "spacy-xling.translation_scorer.v1"
""")


@Language.factory(
    "xling_translator",
    assigns=["doc._.translation", "doc._.translation_doubt"],
    default_config=TRANSLATOR_CONFIG["translator"],
)
def make_xling_translator(
    nlp: Language,
    name: str,
    model: str,
    source: str | None,
    target: str,
    codes: Pairs,
    precision: Literal["fp32", "bf16", "auto"],
    beams: int | None,
    length_ratio: float,
    batch_pieces: int,
    batch_size: int,
    split: bool,
    retry: bool,
    on_doubt: Literal["keep", "source"],
    save: bool,
) -> "XlingTranslator":
    """Make a translator; see `XlingTranslator`."""
    from ..translation.translator import Settings
    from .xling_translator import XlingTranslator

    settings = Settings(
        beams=beams,
        length_ratio=length_ratio,
        batch_pieces=batch_pieces,
        batch_size=batch_size,
        split=split,
        retry=retry,
    )
    return XlingTranslator(
        nlp.vocab,
        name,
        model=model,
        source=source,
        target=target,
        codes=codes,
        precision=precision,
        settings=settings,
        on_doubt=on_doubt,
        save=save,
    )


@Language.factory(
    "xling_joint_translator",
    assigns=["doc._.translation", "doc._.translation_doubt"],
    default_config=JOINT_TRANSLATOR_CONFIG["translator"],
    default_score_weights={
        "translation_chrf": 1.0,
        "translation_bleu": None,
        "translation_chrf_per_pair": None,
        "translation_bleu_per_pair": None,
    },
)
def make_xling_joint_translator(
    nlp: Language,
    name: str,
    model: Model,
    objective: Any,
    masking: Callable,
    target: str | None,
    beams: int,
    length_ratio: float,
    batch_pieces: int,
    batch_size: int,
    split: bool,
    retry: bool,
    scorer: Callable | None,
    texts_per_update: int | None,
    pieces_per_update: int | None,
    seed: int,
) -> "XlingJointTranslator":
    """Make a translator; see `XlingJointTranslator`."""
    from ..translation.translator import Settings
    from .xling_joint_translator import XlingJointTranslator

    settings = Settings(
        beams=beams,
        length_ratio=length_ratio,
        batch_pieces=batch_pieces,
        batch_size=batch_size,
        split=split,
        retry=retry,
    )
    return XlingJointTranslator(
        nlp.vocab,
        model,
        name,
        objective=objective,
        masking=masking,
        target=target,
        settings=settings,
        scorer=scorer,
        texts_per_update=texts_per_update,
        pieces_per_update=pieces_per_update,
        seed=seed,
    )

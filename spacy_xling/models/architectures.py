"""Registered builders of models. They load nothing: the checkpoint is read by `initialize`, the saved folder
by `from_disk`.
"""

from collections.abc import Callable, Sequence
from typing import Literal, cast

from spacy.tokens import Doc
from thinc.api import Model

from ..types import Floats2d, JointBatch, Pieces, TranslationBatch
from .docs_to_logits import forward_docs
from .encoder_shim import EncoderSettings
from .joint_shim import HeadSettings, JointShim
from .lm_head_shim import LMHeadShim, SharedPass, SharedSettings
from .pooling import PoolingName
from .settings import require_setting
from .translation_shim import DecoderSettings, TranslationShim


def build_masked_lm_encoder_v1(
    name: str,
    window: int | None = None,
    overlap: int = 32,
    precision: Literal["fp32", "bf16", "auto"] = "fp32",
    dropout: float | None = None,
    freeze_embeddings: bool = False,
    freeze_layers: int = 0,
) -> EncoderSettings:
    """A Hugging Face masked-LM checkpoint with its LM head: BERT, DistilBERT, RoBERTa, XLM-R, ALBERT,
    ModernBERT and their kin.

    name (str): Name on the model hub, or a folder. A trained pipeline no longer needs it. No code that comes
        with it is run; pickled weights are only read with SPACY_XLING_PICKLED_WEIGHTS=1 in the environment.
    window (int | None): The most pieces of a window, specials included; None for what the encoder can
        take. A longer text is split into windows, and the evidence of all is pooled.
    overlap (int): Pieces that neighbouring windows of a text share.
    precision (Literal["fp32", "bf16", "auto"]): "bf16" runs encoder and LM head under autocast, on a CPU
        too; "auto" does so where the hardware multiplies matrices in bf16.
    dropout (float | None): Rate of all dropouts in the encoder; None keeps the checkpoint's own. (The
        `drop` of `nlp.update`, `[training] dropout` in a config, is the classification head's.)
    freeze_embeddings (bool): Don't train the word embeddings, nor an LM decoder tied to them.
    freeze_layers (int): Don't train the first N layers of the encoder.
    RETURNS (EncoderSettings): What `spacy-xling.JointTextCat.v1` takes for `encoder`.
    RAISES (ValueError): A setting out of range.
    """
    require_setting(dropout is None or 0 <= dropout < 1, "dropout", dropout, "null, or 0 to below 1")
    require_setting(freeze_layers >= 0, "freeze_layers", freeze_layers, "0 or more")
    return EncoderSettings(name, window, overlap, precision, dropout, freeze_embeddings, freeze_layers)


def build_joint_textcat_v1(
    encoder: EncoderSettings,
    pooling: PoolingName = "mean",
    pool_specials: bool = True,
    hidden_width: int | None = None,
    pass_pieces: int = 2048,
    head: Literal["plain", "native"] = "plain",
) -> Model:
    """A text classifier whose encoder keeps its LM head, so that both losses train it.

    The model takes Docs, as those of spaCy's own text classifiers do, and gives logits (docs, labels). From
    the component, which has cut the texts already, its `predict` takes `Pieces`; its `begin_update` takes a
    `JointBatch` and gives (logits, sum of the masked-LM loss), and its callback takes `Gradients`.

    encoder (EncoderSettings): From `spacy-xling.MaskedLMEncoder.v1`.
    pooling (Literal["first", "mean", "max", "attention"]): How the states of a text's pieces become one
        vector: the first piece's, their mean, their maximum, or a learned weighted mean.
    pool_specials (bool): Whether special pieces ([CLS], [SEP]) are pooled too. No matter for "first".
    hidden_width (int | None): Width of a hidden layer (tanh) in the classification head; None for none.
    pass_pieces (int): The most pieces of a pass, but for one window; fewer where windows are long, whose
        attention counts too. It bounds memory when predicting: then up to as many passes run at a time, on a
        CPU, as torch has threads. When training, an encoder that packs (see `BaseEncoder.packs`) takes a
        whole batch in one pass; for others padding counts as pieces.
    head (Literal["plain", "native"]): "plain" is what the settings say. "native" is the head that
        `transformers` gives the encoder's family, so that `spacy xling export --format transformers` can
        always write it: its pooling and hidden layer are the family's, whatever `pooling`, `pool_specials`
        and `hidden_width` say.
    RETURNS (Model): The thinc model.
    RAISES (ValueError): A setting out of range; when it is initialized, a family without a native head.
    """
    fits = hidden_width is None or hidden_width >= 1
    require_setting(fits, "hidden_width", hidden_width, "null, or 1 or more")
    require_setting(pass_pieces >= 1, "pass_pieces", pass_pieces, "1 or more")
    # Where a family pools the mean, it is that of all pieces.
    pool_specials = pool_specials or head == "native"
    return Model(
        "joint_textcat",
        forward,
        init=init,
        dims={"nO": None},
        attrs={"dropout_rate": 0.0, "resize_output": resize_output},
        shims=[JointShim(encoder, HeadSettings(pooling, pool_specials, hidden_width, pass_pieces, head))],
    )


def build_shared_masked_lm_v1(
    head_from: str | None = None,
    window: int | None = None,
    overlap: int = 32,
    precision: Literal["fp32", "bf16", "auto"] = "fp32",
    pass_pieces: int = 2048,
) -> Model:
    """A masked-LM head on the encoder of another component, for `xling_mlm`. The decoder's matrix is the
    encoder's word embeddings, as in the checkpoint.

    The model's `begin_update` takes a `SharedPass` and gives the sum of the masked-LM loss, and its callback
    takes the gradient on it.

    head_from (str | None): The masked-LM checkpoint, hub name or folder, to take the LM head from; None
        for the one that the encoder was loaded from.
    window (int | None): The most pieces of a window, specials included; None for what the encoder can
        take.
    overlap (int): Pieces that neighbouring windows of a text share.
    precision (Literal["fp32", "bf16", "auto"]): Of the masked pass; "bf16" runs it under autocast, on a CPU
        too, "auto" does so where the hardware multiplies matrices in bf16. The other component's own
        `mixed_precision` doesn't matter here.
    pass_pieces (int): The most pieces, padding included, that pass the encoder at a time; one that packs (see
        `BaseEncoder.packs`) takes a whole batch in one pass.
    RETURNS (Model): The thinc model.
    RAISES (ValueError): A setting out of range.
    """
    require_setting(pass_pieces >= 1, "pass_pieces", pass_pieces, "1 or more")
    settings = SharedSettings(head_from, window, overlap, precision, pass_pieces)
    return Model("shared_masked_lm", forward_shared, shims=[LMHeadShim(settings)])


def build_joint_translation_v1(
    encoder: EncoderSettings,
    layers: int = 2,
    heads: int | None = None,
    dropout: float = 0.1,
    pass_pieces: int = 2048,
) -> Model:
    """A translator: a masked-LM encoder that keeps its LM head, and a shallow decoder (Vaswani et al. 2017,
    arXiv 1706.03762) that starts at random. The decoder's embeddings are the encoder's own, and its states
    become pieces through the LM head, so that both losses train both ways. A text is read with the encoder,
    and each piece of its translation is predicted from the text and the pieces before; the first position is
    the target language.

    The model's `begin_update` takes a `TranslationBatch` and gives the sums of the two losses, and its
    callback takes `TranslationGradients`.

    encoder (EncoderSettings): From `spacy-xling.MaskedLMEncoder.v1`.
    layers (int): Number of the decoder's layers; 2 to 6 are usual on top of an encoder that is trained
        already.
    heads (int | None): Number of attention heads of each layer, a divisor of the encoder's width; None for
        as many as the encoder has.
    dropout (float): Rate of all dropouts in the decoder.
    pass_pieces (int): The most pieces of a masked pass over held-out text, see `spacy-xling.JointTextCat.v1`.
        How many sentences are translated at a time is a setting of the component.
    RETURNS (Model): The thinc model.
    RAISES (ValueError): A setting out of range.
    """
    require_setting(layers >= 1, "layers", layers, "1 or more")
    require_setting(heads is None or heads >= 1, "heads", heads, "1 or more")
    require_setting(0 <= dropout < 1, "dropout", dropout, "0 to below 1")
    require_setting(pass_pieces >= 1, "pass_pieces", pass_pieces, "1 or more")
    settings = DecoderSettings(layers, heads, dropout, pass_pieces)
    return Model("joint_translation", forward_translation, shims=[TranslationShim(encoder, settings)])


def lm_head_shim(model: Model) -> LMHeadShim:
    """The shim of a model that `build_shared_masked_lm_v1` made."""
    return cast(LMHeadShim, model.shims[0])


def forward_shared(model: Model, X: SharedPass, is_train: bool) -> tuple[float, Callable[[float], None]]:
    """The masked pass of a step of training."""
    return lm_head_shim(model).begin_update(X)


def translation_shim(model: Model) -> TranslationShim:
    """The shim of a model that `build_joint_translation_v1` made."""
    return cast(TranslationShim, model.shims[0])


def forward_translation(
    model: Model, X: Sequence[Doc] | TranslationBatch, is_train: bool
) -> tuple[Floats2d | tuple[float, float], Callable[..., None]]:
    """Training takes a TranslationBatch. Of Docs it gives how their translations begin, for spaCy's tools to
    look at.
    """
    if isinstance(X, TranslationBatch):
        return translation_shim(model).begin_update(X)
    return translation_shim(model).first_pieces([doc.text for doc in X], is_train=is_train)


def joint_shim(model: Model) -> JointShim:
    """The shim of a model that `build_joint_textcat_v1` made."""
    return cast(JointShim, model.shims[0])


def forward(
    model: Model, X: Sequence[Doc] | Pieces | JointBatch, is_train: bool
) -> tuple[Floats2d | tuple[Floats2d | None, float], Callable[..., None]]:
    """Both take Docs; else prediction takes Pieces, and training a JointBatch."""
    if isinstance(X, JointBatch):
        return joint_shim(model).begin_update(X, model.attrs["dropout_rate"])
    if isinstance(X, Pieces):
        return joint_shim(model).predict(X), lambda gradients: None
    return forward_docs(model, X, is_train)


def init(model: Model, X: Sequence[Doc] | None = None, Y: Floats2d | None = None) -> Model:
    """Read the checkpoint and make a classification head of as many labels as Y has columns."""
    if Y is not None:
        model.set_dim("nO", Y.shape[1], force=True)
    joint_shim(model).initialize(model.get_dim("nO"))
    return model


def resize_output(model: Model, n_labels: int) -> Model:
    """Grow the classification head, if there is one yet, to more labels."""
    if joint_shim(model).is_initialized:
        joint_shim(model).resize_output(n_labels)
        model.set_dim("nO", n_labels, force=True)
    return model

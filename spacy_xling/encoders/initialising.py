"""From raw text to an encoder that knows nothing yet: a tokenizer, and a model of a given shape."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig

from ..data.files import require_new_folder
from ..data.languages import UNKNOWN
from ..data.sources import ParallelTextReader, RawTextReader
from ..errors import Errors, one_line
from ..models.checkpoint import save_checkpoint
from ..models.checkpoint_files import make_model
from ..models.masked_lm import BaseEncoder, MaskedLM
from ..writing import write_folder, writing_errors
from .alignment import aligned_vectors, contexts_of, require_scikit_learn
from .cards import markdown_table, write_card
from .tokenizers import PAD, SPECIAL, Kind, train_tokenizer

# Texts whose pieces are counted in one call of the tokenizer.
BATCH = 10_000
# Standard deviation of the aligned embeddings: above that of the position embeddings, their summands.
ALIGNED_STD = 0.05


class Shape(NamedTuple):
    """The shape of an encoder.

    layers (int): Number of layers.
    width (int): Width of the hidden states.
    heads (int): Attention heads of a layer.
    window (int): The most pieces of a text, specials included.
    n_pieces (int): Pieces of the vocabulary, special pieces included.
    """

    layers: int
    width: int
    heads: int
    window: int
    n_pieces: int


PRESETS = {
    "tiny": Shape(layers=2, width=128, heads=2, window=128, n_pieces=8_000),
    "mini": Shape(layers=4, width=192, heads=4, window=256, n_pieces=16_000),
    "small": Shape(layers=6, width=384, heads=6, window=512, n_pieces=32_000),
    "base": Shape(layers=12, width=768, heads=12, window=512, n_pieces=64_000),
}


class Initial(NamedTuple):
    """What was made.

    path (Path): The Hugging Face folder.
    shares (Mapping[str, float]): Share of the tokenizer's texts by language.
    n_pieces (int): Pieces of the vocabulary.
    n_parameters (int): Parameters of encoder and LM head; tied ones count once.
    n_texts (int): Texts that the tokenizer was trained on.
    n_contexts (int): Contexts that aligned the embeddings; 0 without parallel text.
    """

    path: Path
    shares: Mapping[str, float]
    n_pieces: int
    n_parameters: int
    n_texts: int
    n_contexts: int


def preset_config(preset: str) -> Any:
    """The model config (XLMRobertaConfig) of a preset: an XLM-R of another size.

    RAISES (ValueError): There is no such preset.
    """
    if preset not in PRESETS:
        raise ValueError(Errors.X704.format(found=preset, presets=", ".join(PRESETS)))
    shape = PRESETS[preset]
    return XLMRobertaConfig(
        vocab_size=shape.n_pieces,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.width,
        # Positions are counted from the padding piece on, which is number 1.
        max_position_embeddings=shape.window + 2,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
    )


def init_encoder(
    output: Path,
    raw: RawTextReader,
    *,
    config: Any,
    kind: Kind = "unigram",
    n_pieces: int | None = None,
    max_texts: int = 200_000,
    parallel: ParallelTextReader | None = None,
    seed: int = 0,
    overwrite: bool = False,
    progress: bool = False,
) -> Initial:
    """Make an encoder: train a tokenizer on raw text, and start a masked-LM model. Its weights are random;
    with parallel text, its piece embeddings are aligned across languages.

    output (Path): Folder to write, an ordinary Hugging Face folder; it must not exist yet, or be empty.
    raw (RawTextReader): Raw text by language. Languages are balanced by its shares: texts are drawn as in
        training.
    config (PretrainedConfig): Shape of the model. Its vocabulary and special pieces become the tokenizer's.
    kind (Kind): Kind of tokenizer: "unigram" or "wordpiece".
    n_pieces (int | None): Pieces of the vocabulary; None takes the config's.
    max_texts (int): The most texts to train the tokenizer on; fewer are used where there are fewer.
    parallel (ParallelTextReader | None): Parallel text that aligns the embeddings; see
        `encoders.alignment`.
    seed (int): Seed of the weights.
    overwrite (bool): Replace the encoder that `output` holds.
    progress (bool): Show progress bars.
    RETURNS (Initial): What was made.
    RAISES (ValueError): The text or the config is not what is expected. (OSError): Output can't be written.
        (ImportError): Embeddings are to be aligned, and scikit-learn is missing.
    """
    # Of a reader of files, these; another one has no path.
    read = [getattr(reader, "path", None) for reader in (raw, parallel)]
    require_new_folder(output, overwrite=overwrite, inputs=read)
    if parallel is not None:
        require_scikit_learn()
    # Where the tokenizer will have it; the config's own may be beyond its vocabulary.
    config.pad_token_id = SPECIAL.index(PAD)
    # Parameters without memory: what no model can be made of is refused before the tokenizer is trained.
    with torch.device("meta"):
        encoder = BaseEncoder(untrained_model(config).base_model)
    stream = raw(None)
    n_texts = min(max_texts, sum(stream.lines.values()))
    drawn = tqdm(islice(stream, n_texts), total=n_texts, desc="Tokenizer", disable=None if progress else True)
    tokenizer = train_tokenizer(
        (text.text for text in drawn),
        kind=kind,
        n_pieces=n_pieces or config.vocab_size,
        window=config.max_position_embeddings - encoder.first_position,
    )
    torch.manual_seed(seed)
    masked_lm = MaskedLM(untrained_model(_fit_config(config, tokenizer)))
    n_contexts = 0
    if parallel is not None:
        n_contexts = align_embeddings(masked_lm, tokenizer, parallel, seed=seed, progress=progress)
    n_parameters = sum(parameter.numel() for parameter in masked_lm.parameters())
    shares = {language or UNKNOWN: share for language, share in stream.shares.items()}
    made = Initial(output, shares, len(tokenizer), n_parameters, n_texts, n_contexts)

    def fill(folder: Path) -> None:
        save_checkpoint(masked_lm.model, tokenizer, folder)
        write_card(folder, _card(made), shares)

    with writing_errors(output):
        write_folder(output, fill)
    return made


def _card(made: Initial) -> str:
    start = (
        f"Piece embeddings: aligned across languages, from {made.n_contexts:,} contexts of parallel text."
        if made.n_contexts
        else "Piece embeddings: random."
    )
    rows = [(language, f"{100 * share:.1f} %") for language, share in made.shares.items()]
    return (
        "# An encoder that was not trained yet\n\n"
        "Made by `spacy xling init-encoder`; train it with `spacy xling pretrain`.\n\n"
        f"{made.n_parameters:,} parameters, {made.n_pieces:,} pieces. {start} Other weights: random.\n\n"
        f"Tokenizer: trained on {made.n_texts:,} texts.\n\n"
        + markdown_table(("language", "share of the texts"), rows)
    )


def untrained_model(config: Any) -> Any:
    """A masked-LM model (PreTrainedModel) with random weights, of the shape of a config.

    RAISES (ValueError): The config is of no masked-LM model, its settings fit none, or memory has no room.
    """
    try:
        return make_model(config)
    # What is said depends on the family and the setting.
    except Exception as error:
        raise ValueError(Errors.X747.format(family=config.model_type, error=one_line(error))) from error


@torch.no_grad()
def align_embeddings(
    masked_lm: MaskedLM,
    tokenizer: PreTrainedTokenizerFast,
    parallel: ParallelTextReader,
    *,
    seed: int = 0,
    progress: bool = False,
) -> int:
    """Start the word embeddings aligned across languages. Pieces that the parallel text doesn't have keep
    what they have.

    masked_lm (MaskedLM): The model, whose embeddings are changed in place.
    tokenizer (PreTrainedTokenizerFast): Its tokenizer.
    parallel (ParallelTextReader): The parallel text.
    seed (int): Seed of the randomised SVD.
    progress (bool): Show a progress bar.
    RETURNS (int): Number of contexts.
    RAISES (ValueError): Fewer contexts than the embeddings are wide.
    """
    contexts = _pieces_of_contexts(contexts_of(parallel.read()), tokenizer, progress)
    embeddings = masked_lm.model.get_input_embeddings().weight
    vectors = aligned_vectors(contexts, n_pieces=embeddings.shape[0], width=embeddings.shape[1], seed=seed)
    aligned = torch.from_numpy(vectors * ALIGNED_STD * vectors.shape[1] ** 0.5)
    seen = aligned.any(dim=1)
    seen[tokenizer.all_special_ids] = False
    embeddings[seen] = aligned[seen]
    return len(contexts)


def _pieces_of_contexts(
    contexts: Iterable[Sequence[str]], tokenizer: PreTrainedTokenizerFast, progress: bool
) -> list[list[int]]:
    """Ordinary pieces of each context."""
    special = set(tokenizer.all_special_ids)
    pieces = []
    waiting = iter(tqdm(contexts, desc="Parallel text", unit=" contexts", disable=None if progress else True))
    while batch := list(islice(waiting, BATCH)):
        texts = [text for context in batch for text in context]
        encodings = iter(tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False))
        pieces += [
            [piece for _ in context for piece in next(encodings).ids if piece not in special]
            for context in batch
        ]
    return pieces


def _fit_config(config: Any, tokenizer: PreTrainedTokenizerFast) -> Any:
    """The config with the tokenizer's vocabulary and special pieces."""
    config.vocab_size = len(tokenizer)
    for role in ("pad", "bos", "eos", "cls", "sep"):
        setattr(config, f"{role}_token_id", getattr(tokenizer, f"{role}_token_id"))
    if hasattr(config, "reference_compile"):
        config.reference_compile = False
    return config

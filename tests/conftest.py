"""Tiny checkpoints of each family, made here: tests need no network and no files of their own."""

import importlib.util
import inspect
import json
import os
import subprocess
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

from pathlib import Path

import pytest
import spacy
import torch
from spacy.training import Example
from spacy.util import load_config, load_config_from_str
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AlbertConfig,
    AutoModelForMaskedLM,
    BertConfig,
    DistilBertConfig,
    DistilBertModel,
    ModernBertConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    XLMRobertaConfig,
)

from spacy_xling import writing
from spacy_xling.pieces import windows
from spacy_xling.pieces.windows import set_window

TEXTS = [
    "The parcel arrived late and the box was broken.",
    "I want my money back for the second order.",
    "Das Paket kam zu spät und der Karton war kaputt.",
    "Ich möchte mein Geld für die zweite Bestellung zurück.",
    "Pakken kom for sent, og æsken var i stykker.",
    "Jeg vil have mine penge tilbage for den anden ordre.",
    "Le colis est arrivé en retard et la boîte était cassée.",
    "Kargo geç geldi ve kutu kırılmıştı.",
    "Посылка пришла поздно, и коробка была сломана.",
]
SPECIAL = {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}
SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
# Kind of tokenizer, class of the config, and its settings.
FAMILIES = {
    "bert": ("wordpiece", BertConfig, {"max_position_embeddings": 64, **SHAPE}),
    "distilbert": (
        "wordpiece",
        DistilBertConfig,
        {
            "max_position_embeddings": 64,
            "dim": 32,
            "n_layers": 2,
            "n_heads": 2,
            "hidden_dim": 64,
            "pad_token_id": 1,
        },
    ),
    "roberta": ("bpe", RobertaConfig, {"max_position_embeddings": 66, **SHAPE}),
    "xlm-roberta": ("unigram", XLMRobertaConfig, {"max_position_embeddings": 66, **SHAPE}),
    "albert": ("unigram", AlbertConfig, {"max_position_embeddings": 64, "embedding_size": 16, **SHAPE}),
    "modernbert": ("bpe", ModernBertConfig, {"max_position_embeddings": 64, "pad_token_id": 1, **SHAPE}),
}

needs_shared = pytest.mark.skipif(
    importlib.util.find_spec("spacy_transformers") is None, reason="needs the extra 'shared'"
)


def takes_places(family: str) -> bool:
    """Whether an encoder takes the places of pieces: DistilBERT's does under transformers 5."""
    return family != "distilbert" or "position_ids" in inspect.signature(DistilBertModel.forward).parameters


def make_tokenizer(kind: str) -> PreTrainedTokenizerFast:
    """A fast tokenizer with the characters and every second word of TEXTS; `<pad>` is piece 1.

    The vocabularies are written out, since the trainers of the tokenizers library don't give the same one
    each time; but for the byte-level one, whose trainer does.
    """
    special = list(SPECIAL.values())
    words = sorted({word.strip(".,") for text in TEXTS for word in text.split()})[::2]
    characters = sorted({character for text in TEXTS for character in text if character != " "})
    if kind == "wordpiece":
        pieces = [*special, *characters, *(f"##{c}" for c in characters), *(w for w in words if len(w) > 1)]
        vocabulary = {piece: number for number, piece in enumerate(pieces)}
        tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>"))
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
    elif kind == "bpe":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=320,
            special_tokens=special,
            show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        )
        tokenizer.train_from_iterator(TEXTS, trainer)
    else:
        scores = dict.fromkeys(special, 0.0) | {"▁": -6.0} | dict.fromkeys(characters, -10.0)
        scores |= {f"▁{word}": -5.0 for word in words}
        tokenizer = Tokenizer(models.Unigram(list(scores.items()), unk_id=special.index("<unk>")))
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[(piece, special.index(piece)) for piece in ("<s>", "</s>")]
    )
    names = {f"{role}_token": piece for role, piece in SPECIAL.items()}
    # As DistilBERT's and ModernBERT's own tokenizers, whose models take no token types.
    inputs = ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=64, model_input_names=inputs, **names
    )


def split_windows(tokenizer, texts, *, window, overlap):
    """`pieces.windows.split_windows` of a tokenizer that is told again how to cut."""
    set_window(tokenizer.backend_tokenizer, window, overlap)
    return windows.split_windows(tokenizer.backend_tokenizer, texts)


def make_checkpoint(family: str, folder: Path, seed: int = 0, **changes: object) -> Path:
    """A masked-LM checkpoint of a family with random weights, saved as a Hugging Face folder.

    changes: Settings of the config to change, e.g. rates of dropout.
    """
    kind, config_class, settings = FAMILIES[family]
    tokenizer = make_tokenizer(kind)
    config = config_class(**{"vocab_size": len(tokenizer), **settings, **changes})
    torch.manual_seed(seed)
    model = AutoModelForMaskedLM.from_config(config)
    # Biases start at zero; a test of gradients should not depend on that.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.05)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """Folder of a tiny checkpoint, by family; each is made once."""
    made: dict[str, Path] = {}

    def checkpoint(family: str) -> Path:
        if family not in made:
            made[family] = make_checkpoint(family, tmp_path_factory.mktemp(family))
        return made[family]

    return checkpoint


@pytest.fixture(params=sorted(FAMILIES))
def family(request):
    return request.param


@pytest.fixture
def checkpoint(checkpoints):
    """One tiny checkpoint, for tests to which the family doesn't matter."""
    return checkpoints("xlm-roberta")


SINGLE = [
    ("The parcel arrived late.", {"LATE": 1.0, "REFUND": 0.0}),
    ("I want my money back.", {"LATE": 0.0, "REFUND": 1.0}),
    ("The second order arrived late.", {"LATE": 1.0, "REFUND": 0.0}),
    ("My money back for the box.", {"LATE": 0.0, "REFUND": 1.0}),
]
MULTI = [
    ("The parcel arrived late.", {"LATE": 1.0, "REFUND": 0.0, "BROKEN": 0.0}),
    ("I want my money back.", {"LATE": 0.0, "REFUND": 1.0, "BROKEN": 0.0}),
    ("The box was late and broken.", {"LATE": 1.0, "REFUND": 0.0, "BROKEN": 1.0}),
    ("Money back for the broken box.", {"LATE": 0.0, "REFUND": 1.0, "BROKEN": 1.0}),
]


def make_examples(nlp, data):
    return [Example.from_dict(nlp.make_doc(text), {"cats": cats}) for text, cats in data]


def textcat_config(checkpoint, *, mlm_weight=0.0, **changes):
    """Config of a component on a tiny checkpoint; `changes` are settings of the component."""
    config = {
        "model": {"encoder": {"name": str(checkpoint)}},
        "objective": {"mlm_weight": mlm_weight},
    }
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            config[key].update(value)
        else:
            config[key] = value
    return config


@pytest.fixture(scope="module")
def one_thread():
    """Tiny matrices are slower on several threads, much so on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def fast_disk(monkeypatch):
    """Writing is tested elsewhere: here nothing waits for the disk."""
    monkeypatch.setattr(writing.os, "fsync", lambda handle: None)


@pytest.fixture
def nlp():
    return spacy.blank("xx")


def write_raw(folder, languages):
    """Raw text as files by language, a text a line."""
    folder.mkdir(parents=True, exist_ok=True)
    for language, texts in languages.items():
        (folder / f"{language}.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    return folder


PRETRAIN_CONFIG = Path(__file__).parents[1] / "configs" / "pretrain.cfg"
ENGLISH = ["The parcel number {} arrived late.", "I want my money back for order {}.", "Box {} was broken."]
GERMAN = ["Das Paket Nummer {} kam zu spät.", "Ich möchte mein Geld für {} zurück.", "Karton {} war kaputt."]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """Raw English and German text under `raw`, and the pairs of both under `parallel`."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "parallel").mkdir()
    texts = {"en": [], "de": []}
    for number in range(40):
        texts["en"] += [text.format(number) for text in ENGLISH]
        texts["de"] += [text.format(number) for text in GERMAN]
    write_raw(folder / "raw", texts)
    pairs = zip(texts["en"], texts["de"], strict=True)
    lines = "\n".join(f"{first}\t{second}" for first, second in pairs)
    (folder / "parallel" / "en-de.tsv").write_text(lines, encoding="utf-8")
    return folder


@pytest.fixture
def run_config(checkpoint, corpus):
    """The config of a short run; dotted settings are changed by name."""

    def make(**changes):
        overrides = {
            "paths.encoder": str(checkpoint),
            "paths.unlabelled": str(corpus / "raw"),
            "paths.parallel": str(corpus / "parallel"),
            "corpora.unlabelled.shuffle_buffer": 20,
            "corpora.unlabelled.heldout_share": 0.1,
            "corpora.parallel.shuffle_buffer": 20,
            "training.batch_pieces": 120,
            "training.pass_pieces": 64,
            "training.parallel_share": 0.5,
            "training.max_steps": 6,
            "training.eval_frequency": 2,
            "training.heldout_texts": 5,
            "training.optimizer.learn_rate.value": 1e-3,
        }
        overrides.update({name.replace("__", "."): value for name, value in changes.items()})
        return load_config(PRETRAIN_CONFIG, overrides=overrides, interpolate=False)

    return make


SOURCED = """
[nlp]
lang = "xx"
pipeline = ["xling_textcat"]

[components]

[components.xling_textcat]
source = "{source}"

[corpora]

[corpora.train]
@readers = "spacy.Corpus.v1"
path = "{train}"

[corpora.dev]
@readers = "spacy.Corpus.v1"
path = "{train}"

[training]
seed = 0
gpu_allocator = null
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"

[initialize]

[initialize.after_init]
@callbacks = "spacy-xling.attach_unlabelled.v1"
component = "xling_textcat"
{labelled}

[initialize.after_init.unlabelled]
@readers = "spacy-xling.UnlabelledText.v1"
path = "{raw}"
language = {language}
"""


def sourced_config(source, train, raw, *, language=None, labelled=""):
    """Config of training a component of a saved pipeline on; `labelled` is a setting of the callback."""
    text = SOURCED.format(
        source=source, train=train, raw=raw, language=json.dumps(language), labelled=labelled
    )
    return load_config_from_str(text)


def run_python(*arguments, timeout=120):
    """What a Python process of its own prints, that is given TEXTS, a line each."""
    result = subprocess.run(
        [sys.executable, *map(str, arguments)],
        input="\n".join(TEXTS),
        capture_output=True,
        text=True,
        encoding="utf8",
        timeout=timeout,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout

"""A trimmed checkpoint gives the hidden states of the whole one wherever all pieces of a text are kept."""

import json
import random

import numpy as np
import pytest
import spacy
import torch
from thinc.api import fix_random_seed
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AlbertTokenizerFast,
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertTokenizerFast,
    PreTrainedTokenizerFast,
    RobertaTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaTokenizerFast,
)

from spacy_xling.models.checkpoint import load_encoder
from spacy_xling.trimming.trimming import trim_encoder
from tests.conftest import (
    FAMILIES,
    SINGLE,
    SPECIAL,
    TEXTS,
    make_checkpoint,
    make_examples,
    make_tokenizer,
    write_raw,
)
from tests.conftest import textcat_config as make_config

LANGUAGES = {"en": TEXTS[:2], "de": TEXTS[2:4], "da": TEXTS[4:6]}


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def raw(tmp_path):
    return write_raw(tmp_path / "raw", LANGUAGES)


def load(folder):
    """What `transformers` alone makes of a folder, with the tokenizer as its file has it: some classes of
    transformers 5 have a normalizer of their own.
    """
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    return tokenizer, AutoModelForMaskedLM.from_pretrained(folder).eval()


def random_texts(n, seed=0):
    rng = random.Random(seed)
    words = [word for text in TEXTS for word in text.split()]
    letters = sorted({letter for word in words for letter in word})
    made = []
    for _ in range(n):
        known = rng.sample(words, rng.randint(1, 6))
        new = ["".join(rng.choices(letters, k=rng.randint(1, 5))) for _ in range(rng.randint(0, 1))]
        made.append(" ".join([*known, *new]))
    return made


@torch.no_grad()
def assert_exact(whole_folder, trimmed_folder, texts, *, prefix):
    """Compare, with ids that are mapped by their pieces; how many texts are of kept pieces, how many not."""
    whole, whole_model = load(whole_folder)
    trimmed, trimmed_model = load(trimmed_folder)
    old, new = whole.get_vocab(), trimmed.get_vocab()
    assert len(new) == trimmed_model.get_input_embeddings().num_embeddings
    columns = torch.tensor([old[piece] for piece in new])
    new_columns = torch.tensor([new[piece] for piece in new])
    exact = 0
    for text in texts:
        before, after = whole(text)["input_ids"], trimmed(text)["input_ids"]
        pieces = whole.convert_ids_to_tokens(before)
        if not new.keys() >= set(pieces):
            continue
        exact += 1
        assert trimmed.convert_ids_to_tokens(after) == pieces
        assert after == [new[piece] for piece in pieces]
        # With a padding piece, for it has to keep its meaning.
        inputs = [
            {
                "input_ids": torch.tensor([[*ids, tokenizer.pad_token_id]]),
                "attention_mask": torch.tensor([[1] * len(ids) + [0]]),
            }
            for ids, tokenizer in ((before, whole), (after, trimmed))
        ]
        states = [
            getattr(model, prefix)(**part)[0]
            for model, part in zip((whole_model, trimmed_model), inputs, strict=True)
        ]
        assert torch.equal(*states)
        logits = [
            model(**part).logits for model, part in zip((whole_model, trimmed_model), inputs, strict=True)
        ]
        torch.testing.assert_close(logits[0][..., columns], logits[1][..., new_columns], rtol=0, atol=1e-5)
    return exact, len(texts) - exact


def prefix_of(folder):
    return AutoModelForMaskedLM.from_pretrained(folder).base_model_prefix


def test_each_family_is_exact(family, checkpoints, raw, tmp_path):
    whole, output = checkpoints(family), tmp_path / "trimmed"
    report = trim_encoder(str(whole), raw, output)
    assert report.after.pieces < report.before.pieces
    assert [change.changed for change in report.languages] == [0, 0, 0]
    exact, changed = assert_exact(whole, output, TEXTS + random_texts(60), prefix=prefix_of(whole))
    assert exact >= 10
    assert changed >= 10


def test_each_family_keeps_its_form(family, checkpoints, raw, tmp_path):
    whole, output = checkpoints(family), tmp_path / "trimmed"
    report = trim_encoder(str(whole), raw, output)
    tokenizer, model = load(output)
    before = load(whole)
    assert type(tokenizer) is type(before[0])
    assert tokenizer.all_special_tokens == before[0].all_special_tokens
    assert tokenizer.all_special_ids == before[0].all_special_ids
    assert tokenizer.model_max_length == before[0].model_max_length
    assert model.config.vocab_size == len(tokenizer) == report.after.pieces
    assert model.config.pad_token_id == before[1].config.pad_token_id
    decoder, embeddings = model.get_output_embeddings(), model.get_input_embeddings()
    assert decoder.weight is embeddings.weight
    assert len(decoder.bias) == len(decoder.weight) == report.after.pieces
    assert report.after.parameters == sum(p.numel() for p in model.parameters())
    assert report.before.parameters == sum(p.numel() for p in before[1].parameters())
    assert load_encoder(str(output)).window == load_encoder(str(whole)).window
    # All else is as it was.
    for (name, old), new in zip(before[1].named_parameters(), model.parameters(), strict=True):
        assert old.shape[1:] == new.shape[1:]
        if len(old) != report.before.pieces:
            assert torch.equal(old, new), name


def make_classed(kind, folder):
    """A checkpoint whose tokenizer is of a class of its own, with special pieces under their usual names."""
    family, tokenizer_class, names = CLASSES[kind]
    plain = make_tokenizer(FAMILIES[family][0])
    text = plain.backend_tokenizer.to_str()
    for role, name in names.items():
        text = text.replace(f'"{SPECIAL[role]}"', f'"{name}"')
    backend = Tokenizer.from_str(text)
    if tokenizer_class is BertTokenizerFast:
        backend.normalizer = normalizers.BertNormalizer(lowercase=False)
    roles = {f"{role}_token": names.get(role, piece) for role, piece in SPECIAL.items()}
    tokenizer = tokenizer_class(tokenizer_object=backend, model_max_length=64, do_lower_case=False, **roles)
    make_checkpoint(family, folder, pad_token_id=1)
    tokenizer.save_pretrained(folder)
    return folder


BRACKETED = {"cls": "[CLS]", "sep": "[SEP]", "pad": "[PAD]", "unk": "[UNK]", "mask": "[MASK]"}
CLASSES = {
    "bert": ("bert", BertTokenizerFast, BRACKETED),
    "roberta": ("roberta", RobertaTokenizerFast, {}),
    "xlm-roberta": ("xlm-roberta", XLMRobertaTokenizerFast, {}),
    "albert": ("albert", AlbertTokenizerFast, {"cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_tokenizers_of_a_class_of_their_own_are_exact(kind, raw, tmp_path):
    whole, output = make_classed(kind, tmp_path / "whole"), tmp_path / "trimmed"
    trim_encoder(str(whole), raw, output)
    tokenizer, _ = load(output)
    assert tokenizer.all_special_tokens == AutoTokenizer.from_pretrained(whole).all_special_tokens
    exact, _ = assert_exact(whole, output, TEXTS + random_texts(30), prefix=prefix_of(whole))
    assert exact >= 6


def test_an_untied_decoder_is_cut_too(raw, tmp_path):
    whole, output = tmp_path / "whole", tmp_path / "trimmed"
    make_checkpoint("bert", whole, tie_word_embeddings=False)
    report = trim_encoder(str(whole), raw, output)
    model = AutoModelForMaskedLM.from_pretrained(output)
    decoder, embeddings = model.get_output_embeddings(), model.get_input_embeddings()
    assert len(decoder.weight) == len(embeddings.weight) == report.after.pieces
    assert not torch.equal(decoder.weight, embeddings.weight)
    assert assert_exact(whole, output, TEXTS, prefix="bert")[0] >= 6


def word_tokenizer(pieces):
    """A tokenizer with these pieces in this order, each of which is a word but for the special ones."""
    ids = {piece: number for number, piece in enumerate(pieces)}
    base = Tokenizer(models.WordPiece(ids, unk_token="<unk>"))
    base.pre_tokenizer = pre_tokenizers.Whitespace()
    base.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[(piece, ids[piece]) for piece in ("<s>", "</s>")]
    )
    base.add_special_tokens(list(SPECIAL.values()))
    names = {f"{role}_token": piece for role, piece in SPECIAL.items()}
    return PreTrainedTokenizerFast(tokenizer_object=base, model_max_length=64, **names)


WORDS = [f"w{n}" for n in range(40)]


def test_padding_keeps_its_number_where_positions_count_from_it(tmp_path):
    """RoBERTa counts positions from the padding piece, here after ordinary pieces."""
    whole, output = tmp_path / "whole", tmp_path / "trimmed"
    make_checkpoint("roberta", whole, pad_token_id=5, max_position_embeddings=70)
    word_tokenizer(["<s>", "</s>", *WORDS[:3], "<pad>", "<unk>", "<mask>", *WORDS[3:]]).save_pretrained(whole)
    raw = write_raw(tmp_path / "raw", {"xx": ["w9 w30"]})
    trim_encoder(str(whole), raw, output)
    tokenizer, model = load(output)
    assert tokenizer.convert_ids_to_tokens(range(len(tokenizer))) == [
        *["<s>", "</s>", "w0", "w1", "w2", "<pad>", "<unk>", "<mask>", "w9", "w30"]
    ]
    assert model.config.pad_token_id == tokenizer.pad_token_id == 5
    assert assert_exact(whole, output, ["w9 w30", "w30 w1", "x"], prefix="roberta") == (3, 0)


def test_numbers_of_special_pieces_are_changed_in_the_config(tmp_path):
    """ModernBERT has its special pieces last, and its positions don't depend on them."""
    whole, output = tmp_path / "whole", tmp_path / "trimmed"
    settings = {"pad_token_id": 41, "cls_token_id": 40, "sep_token_id": 42, "bos_token_id": 40}
    make_checkpoint("modernbert", whole, **settings, eos_token_id=50282)
    word_tokenizer([*WORDS, *SPECIAL.values()]).save_pretrained(whole)
    trim_encoder(str(whole), write_raw(tmp_path / "raw", {"xx": ["w9 w30"]}), output)
    _, model = load(output)
    config = model.config
    assert (config.cls_token_id, config.pad_token_id, config.sep_token_id, config.bos_token_id) == (
        2,
        3,
        4,
        2,
    )
    # A number of no piece; and the tokenizer knows of no end-of-sequence piece.
    assert model.config.eos_token_id is None
    assert assert_exact(whole, output, ["w9 w30", "w30 w1", "w30"], prefix="model") == (2, 1)


@pytest.mark.parametrize("setting", ["torch_dtype", "dtype"])
def test_half_precision_stays_on_disk(setting, raw, checkpoints, tmp_path):
    """As transformers 4 and 5 call it in the config."""
    whole, output = tmp_path / "whole", tmp_path / "trimmed"
    AutoModelForMaskedLM.from_pretrained(checkpoints("bert")).half().save_pretrained(whole)
    AutoTokenizer.from_pretrained(checkpoints("bert")).save_pretrained(whole)
    config = json.loads((whole / "config.json").read_text())
    config = {key: value for key, value in config.items() if key not in ("dtype", "torch_dtype")}
    (whole / "config.json").write_text(json.dumps({**config, setting: "float16"}))
    report = trim_encoder(str(whole), raw, output)
    model = AutoModelForMaskedLM.from_pretrained(output, torch_dtype="auto")
    assert model.dtype == torch.float16
    header = 20_000
    assert 2 * report.after.parameters < report.after.weight_bytes < 2 * report.after.parameters + header


def test_the_report_counts_by_hand(tmp_path):
    """Of 40 words six are in the texts, and at most four may stay."""
    whole, output = tmp_path / "whole", tmp_path / "trimmed"
    make_checkpoint("bert", whole, vocab_size=45, pad_token_id=1)
    word_tokenizer([*SPECIAL.values(), *WORDS]).save_pretrained(whole)
    texts = {"aa": ["w1 w1 w2", "w1 w3", "", "w2 zz"], "bb": ["w4 w4", "w5"], "cc": ["w6"]}
    raw = write_raw(tmp_path / "raw", texts)
    report = trim_encoder(str(whole), raw, output, languages=["aa", "bb"], max_pieces=8, alpha=0.0)
    # Alike: w4 2/3, w1 3/7, w5 1/3, w2 2/7, w3 1/7, halved. Three have room beside five special ones.
    tokenizer, _ = load(output)
    assert tokenizer.get_vocab().keys() - set(SPECIAL.values()) == {"w1", "w4", "w5"}
    found = [(c.language, c.texts, c.changed, c.pieces_before, c.pieces_after) for c in report.languages]
    assert found == [("aa", 3, 3, 7, 7), ("bb", 2, 0, 3, 3)]
    assert (report.before.pieces, report.after.pieces) == (45, 8)
    # An embedding row has 32 numbers, and each piece a bias.
    assert report.before.parameters - report.after.parameters == (45 - 8) * 33
    for size, folder in ((report.before, whole), (report.after, output)):
        assert size.weight_bytes == (folder / "model.safetensors").stat().st_size
        assert size.tokenizer_bytes == (folder / "tokenizer.json").stat().st_size


def test_saved_equals_loaded(raw, checkpoints, tmp_path):
    """Trimming what was trimmed to the same texts changes nothing."""
    once, twice = tmp_path / "once", tmp_path / "twice"
    trim_encoder(str(checkpoints("xlm-roberta")), raw, once)
    trim_encoder(str(once), raw, twice)
    assert (once / "tokenizer.json").read_bytes() == (twice / "tokenizer.json").read_bytes()
    assert (once / "model.safetensors").read_bytes() == (twice / "model.safetensors").read_bytes()
    assert json.loads((once / "config.json").read_text()) == json.loads((twice / "config.json").read_text())


LETTERS = {
    "en": "abcdefghijklmnopqrstuvwxyz",
    "el": "αβγδεζηθικλμνξοπρστυφχψω",
    "ru": "абвгдежзийклмнопрстуфхцчшщъыьэюя",
}


def large_checkpoint(folder):
    """An XLM-R with as many pieces as the real one, and tiny layers."""
    rng = random.Random(0)
    alphabet = "".join(LETTERS.values())
    words = [f"▁{''.join(rng.choices(letters, k=4))}" for letters in LETTERS.values() for _ in range(2000)]
    scores = dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>"], 0.0) | {"▁": -3.0}
    scores |= {letter: -9.0 - rng.random() for letter in alphabet}
    while len(scores) < 250_001:
        piece = "".join(rng.choices(alphabet, k=rng.randint(2, 6)))
        scores[words.pop() if words else f"▁{piece}"] = -12.0 - rng.random()
    scores["<mask>"] = 0.0
    base = Tokenizer(models.Unigram(list(scores.items()), unk_id=3))
    base.pre_tokenizer = pre_tokenizers.Metaspace()
    base.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    base.add_special_tokens(list(SPECIAL.values()))
    names = {f"{role}_token": piece for role, piece in SPECIAL.items()}
    config = XLMRobertaConfig(
        vocab_size=250_002,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=66,
    )
    torch.manual_seed(0)
    XLMRobertaForMaskedLM(config).save_pretrained(folder)
    XLMRobertaTokenizerFast(tokenizer_object=base, model_max_length=64, **names).save_pretrained(folder)
    return [piece for piece in scores if len(piece) == 5 and piece.startswith("▁")]


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A large vocabulary trimmed to three languages: the folders, the texts and the report."""
    folder = tmp_path_factory.mktemp("large")
    words = large_checkpoint(folder / "whole")
    rng = random.Random(1)
    texts = {}
    for language, letters in LETTERS.items():
        own = [word[1:] for word in words if word[1] in letters][:800]
        texts[language] = [" ".join(rng.choices(own, k=5)) for _ in range(100)]
    raw = write_raw(folder / "raw", texts)
    report = trim_encoder(str(folder / "whole"), raw, folder / "trimmed")
    return folder, texts, report


@pytest.mark.slow
def test_a_vocabulary_of_250002_pieces_is_trimmed(large):
    folder, texts, report = large
    needed = {f"▁{word}" for lines in texts.values() for line in lines for word in line.split()}
    spelling = {letter for piece in needed for letter in piece}
    # The one with the lowest score.
    tokenizer = AutoTokenizer.from_pretrained(folder / "trimmed")
    other = tokenizer.get_vocab().keys() - needed - spelling - set(SPECIAL.values())
    assert len(other) == 1
    assert report.before.pieces == 250_002
    assert report.after.pieces == len(needed) + len(spelling) + len(SPECIAL) + 1 < 2000
    assert report.before.parameters - report.after.parameters == 17 * (250_002 - report.after.pieces)
    assert report.after.weight_bytes < 0.02 * report.before.weight_bytes
    lines = [line for language in texts.values() for line in language]
    assert assert_exact(folder / "whole", folder / "trimmed", lines[::10], prefix="roberta") == (30, 0)


def test_a_component_trains_on_a_trimmed_encoder(large, tmp_path):
    folder, _, report = large
    nlp = spacy.blank("xx")
    component = nlp.add_pipe("xling_textcat", config=make_config(folder / "trimmed", mlm_weight=0.5))
    examples = make_examples(nlp, SINGLE)
    reader = {"@readers": "spacy-xling.UnlabelledText.v1", "path": str(folder / "raw")}
    nlp.config["initialize"]["components"]["xling_textcat"] = {"unlabelled": reader}
    fix_random_seed(0)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(3):
        losses = {}
        nlp.update(examples, sgd=optimizer, losses=losses)
        assert np.isfinite(losses["xling_textcat"])
        # In nats, from about a uniform guess.
        assert 1.0 < losses["xling_textcat_mlm"] < 2 * np.log(report.after.pieces)
    scores = nlp("The parcel arrived late.").cats
    nlp.to_disk(tmp_path / "saved")
    loaded = spacy.load(tmp_path / "saved")
    assert loaded("The parcel arrived late.").cats == scores
    assert component.name in loaded.pipe_names


def test_output_that_is_not_empty_is_X706(raw, checkpoints, tmp_path):
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="X706"):
        trim_encoder(str(checkpoints("bert")), raw, tmp_path / "output")
    assert (tmp_path / "output" / "thesis.txt").read_text() == "mine"
    with pytest.raises(ValueError, match="X706"):
        trim_encoder(str(checkpoints("bert")), raw, tmp_path / "output" / "thesis.txt")


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"min_count": 0}, "X722"),
        ({"max_pieces": 0}, "X722"),
        ({"alpha": 2.0}, "X102"),
        ({"languages": ["fi"]}, "X130"),
        ({"language": "da"}, "X131"),
        ({"min_count": 10_000}, "X720"),
        ({"max_pieces": 5}, "X721"),
    ],
)
def test_a_wrong_setting_is_a_coded_error(settings, code, raw, checkpoints, tmp_path):
    with pytest.raises(ValueError, match=code):
        trim_encoder(str(checkpoints("bert")), raw, tmp_path / "output", **settings)
    assert not (tmp_path / "output").exists()


def test_an_output_that_cannot_be_written_is_X161(raw, checkpoints, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="X161"):
        trim_encoder(str(checkpoints("bert")), raw, tmp_path / "file" / "output")


def test_pieces_that_cannot_be_continued_are_W720(tmp_path):
    whole = make_checkpoint("bert", tmp_path / "whole")
    file = whole / "tokenizer.json"
    file.write_text(file.read_text(encoding="utf8").replace('"##v"', '"##unused"'), encoding="utf8")
    raw = write_raw(tmp_path / "raw", {"en": ["arrived"]})
    with pytest.warns(UserWarning, match=r"W720.*1 hold .*arrived"):
        trim_encoder(str(whole), raw, tmp_path / "trimmed")

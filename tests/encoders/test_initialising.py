import numpy as np
import pytest
import torch
from sklearn.preprocessing import normalize
from transformers import (
    AutoConfig,
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertConfig,
    GPT2Config,
    ModernBertConfig,
    T5Config,
)

from spacy_xling.data.parallel import build_parallel_text_v1
from spacy_xling.data.unlabelled import build_unlabelled_text_v1
from spacy_xling.encoders import initialising
from spacy_xling.encoders.initialising import PRESETS, init_encoder, preset_config
from spacy_xling.models.checkpoint import load_encoder, read_config
from tests.conftest import SHAPE, TEXTS, write_raw


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return write_raw(tmp_path_factory.mktemp("raw"), {"en": TEXTS[:2] * 20, "de": TEXTS[2:4] * 10})


@pytest.fixture(scope="module")
def parallel(tmp_path_factory):
    """Sentences of words in two languages, which share no piece: `anna` is `ben`, and so on."""
    folder = tmp_path_factory.mktemp("parallel")
    generator = np.random.default_rng(0)
    english = ["parcel", "box", "money", "order", "late", "broken", "second", "back"]
    german = ["Paket", "Karton", "Geld", "Bestellung", "spät", "kaputt", "zweite", "zurück"]
    rows = [generator.integers(8, size=4) for _ in range(400)]
    lines = [
        " ".join(english[w] for w in row) + "\t" + " ".join(german[w] for w in row) + "\n" for row in rows
    ]
    (folder / "en-de.tsv").write_text("".join(lines), encoding="utf-8")
    return folder


def tiny(**changes):
    config = preset_config("tiny")
    config.update({**SHAPE, "vocab_size": 120, "max_position_embeddings": 66, **changes})
    return config


def make(output, raw, **settings):
    return init_encoder(output, build_unlabelled_text_v1(raw), **{"config": tiny(), **settings})


@pytest.mark.parametrize("kind", ["unigram", "wordpiece"])
def test_the_result_is_a_folder_that_transformers_loads(tmp_path, raw, kind):
    made = make(tmp_path / "encoder", raw, kind=kind)
    model = AutoModelForMaskedLM.from_pretrained(made.path)
    tokenizer = AutoTokenizer.from_pretrained(made.path)
    assert len(tokenizer) == made.n_pieces == model.config.vocab_size
    assert model.get_input_embeddings().weight.shape == (made.n_pieces, SHAPE["hidden_size"])
    assert made.n_parameters == sum(p.numel() for p in model.parameters())
    assert tokenizer.model_max_length == 64
    ids = tokenizer(TEXTS[0], return_tensors="pt")
    assert torch.isfinite(model(**ids).logits).all()


def test_the_encoder_takes_as_long_texts_as_the_config_has_positions(tmp_path, raw):
    encoder = load_encoder(str(make(tmp_path / "encoder", raw).path))
    assert encoder.window == 64


def test_one_seed_gives_one_set_of_weights_and_another_another(tmp_path, raw):
    configs = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.manual_seed(99)
        folder = make(tmp_path / name, raw, seed=seed, kind="wordpiece").path
        state = AutoModelForMaskedLM.from_pretrained(folder).state_dict()
        configs[name] = state["roberta.encoder.layer.0.attention.self.query.weight"]
    assert torch.equal(configs["a"], configs["b"])
    assert not torch.equal(configs["a"], configs["c"])


def test_parallel_text_aligns_words_that_translate_each_other(tmp_path, parallel):
    columns = (parallel / "en-de.tsv").read_text(encoding="utf-8").replace("\t", "\n")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "xx.txt").write_text(columns, encoding="utf-8")
    pairs = build_parallel_text_v1(parallel)
    folder = make(tmp_path / "encoder", tmp_path / "raw", kind="wordpiece", n_pieces=400, parallel=pairs).path
    encoder = load_encoder(str(folder))
    vectors = encoder.masked_lm.model.get_input_embeddings().weight.detach().numpy()
    vocabulary = encoder.tokenizer.get_vocab()
    english = normalize(vectors[[vocabulary[word] for word in ("parcel", "box", "money", "order")]])
    german = normalize(vectors[[vocabulary[word] for word in ("Paket", "Karton", "Geld", "Bestellung")]])
    assert (english @ german.T).argmax(axis=1).tolist() == [0, 1, 2, 3]
    # The special pieces keep their random start, and the decoder is still the embedding matrix.
    unaligned = load_encoder(
        str(make(tmp_path / "other", tmp_path / "raw", kind="wordpiece", n_pieces=400).path)
    ).masked_lm.model.get_input_embeddings()
    own = encoder.masked_lm.model.get_input_embeddings()
    assert torch.equal(own.weight[:5], unaligned.weight[:5])
    assert encoder.masked_lm.decoder.weight is own.weight


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_a_preset_has_the_shape_it_says(preset):
    config, shape = preset_config(preset), PRESETS[preset]
    assert (config.num_hidden_layers, config.hidden_size, config.num_attention_heads) == shape[:3]
    assert config.hidden_size % config.num_attention_heads == 0
    assert config.max_position_embeddings - 2 == shape.window


@pytest.mark.parametrize("make_config", [BertConfig, ModernBertConfig])
def test_a_config_file_gives_another_family(tmp_path, raw, make_config):
    config = make_config(vocab_size=999, max_position_embeddings=48, **SHAPE)
    config.save_pretrained(tmp_path / "shape")
    read = read_config(str(tmp_path / "shape" / "config.json"))
    folder = make(tmp_path / "encoder", raw, config=read, n_pieces=100).path
    made = AutoConfig.from_pretrained(folder)
    assert (made.model_type, made.hidden_size) == (config.model_type, SHAPE["hidden_size"])
    assert made.vocab_size <= 100
    assert (made.pad_token_id, made.cls_token_id) == (1, 0)
    assert load_encoder(str(folder)).window == 48


def test_the_card_names_languages_and_sizes(tmp_path, raw):
    made = make(tmp_path / "encoder", raw)
    card = (made.path / "README.md").read_text(encoding="utf-8")
    front, text = card.split("---\n")[1:3]
    assert "- de" in front
    assert "- en" in front
    assert f"{made.n_parameters:,} parameters" in text
    assert "Piece embeddings: random." in text


def test_overwrite_replaces_an_encoder_and_nothing_else(tmp_path, raw):
    made = make(tmp_path / "encoder", raw)
    (made.path / "old").write_text("of the encoder that was here")
    make(tmp_path / "encoder", raw, overwrite=True)
    assert not (made.path / "old").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("precious")
    with pytest.raises(ValueError, match="X706"):
        make(tmp_path / "mine", raw, overwrite=True)
    assert (tmp_path / "mine" / "notes").read_text() == "precious"


def test_a_folder_with_something_in_it_is_X706_and_left_as_it_is(tmp_path, raw):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(ValueError, match="X706"):
        make(tmp_path, raw)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_output_that_cannot_be_written_is_X161(tmp_path, raw):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="X161"):
        make(tmp_path / "file" / "encoder", raw)


@pytest.mark.parametrize(
    "config",
    [
        GPT2Config(),
        T5Config(),
        BertConfig(hidden_size=33, num_attention_heads=2),
        BertConfig(hidden_size=-32),
        BertConfig(hidden_act="no such function"),
    ],
)
def test_a_config_of_no_masked_lm_is_X747_before_any_work(config, tmp_path, monkeypatch, raw):
    monkeypatch.setattr(initialising, "train_tokenizer", None)
    there = sorted(tmp_path.iterdir())
    with pytest.raises(ValueError, match=rf"X747.*'{config.model_type}'"):
        init_encoder(tmp_path / "made", build_unlabelled_text_v1(raw), config=config)
    assert sorted(tmp_path.iterdir()) == there


@pytest.mark.parametrize("n_pieces", [-1, 10**12])
def test_a_number_of_pieces_that_the_library_cannot_hold_is_X702(n_pieces, tmp_path, raw):
    with pytest.raises(ValueError, match="X702"):
        make(tmp_path / "made", raw, n_pieces=n_pieces)


def test_an_unknown_preset_is_X704():
    with pytest.raises(ValueError, match=r"X704.*huge.*tiny, mini, small, base"):
        preset_config("huge")

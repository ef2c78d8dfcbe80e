"""A translator in a pipeline: its translations, its errors, and what is saved of it."""

import copy
import json
import pickle
import shutil
import socket

import pytest
import spacy
import torch
from safetensors.torch import load_file
from spacy.tokens import Doc

from spacy_xling.data.languages import set_language
from spacy_xling.data.sources import RawText
from spacy_xling.models.checkpoint_files import PICKLES_VARIABLE
from spacy_xling.translation import held
from spacy_xling.translation.translator import DEFAULTS, Translator
from tests.conftest import SINGLE, TEXTS, make_examples
from tests.translation.checkpoints import make_seq2seq
from tests.translation.conftest import load
from tests.translation.test_translator import GOOD, LOOP, Scripted, generate

pytestmark = pytest.mark.usefixtures("one_thread")
NAME = "xling_translator"
FAST = {"beams": 1, "length_ratio": 0.5, "retry": False}
FRENCH, TURKISH = TEXTS[6:8]


@pytest.fixture(scope="module")
def m2m100(tmp_path_factory):
    return make_seq2seq("m2m100", tmp_path_factory.mktemp("m2m100"))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A folder of checkpoints from Danish and from German to English, and the name of all of them."""
    folder = tmp_path_factory.mktemp("pairs")
    for seed, source in enumerate(("da", "de")):
        made = make_seq2seq("marian", folder / f"opus-{source}-en", seed)
        settings = json.loads((made / "tokenizer_config.json").read_text())
        settings.update(source_lang=source, target_lang="en")
        (made / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder / "opus-{source}-{target}"


@pytest.fixture
def scripted(monkeypatch):
    """Some sentences are known, and one is never translated well; the names that were loaded."""
    loaded = []

    def load_engine(model):
        loaded.append(model.name)
        return Scripted({**GOOD, "Loop here now": (LOOP, LOOP)})

    monkeypatch.setattr(held, "load_checkpoint", load_engine)
    return loaded


def make_nlp(model, **settings):
    nlp = spacy.blank("xx")
    nlp.add_pipe(NAME, config={"model": str(model), **FAST, **settings})
    return nlp


def make_docs(nlp, *texts):
    """Docs of pairs of a text and its language."""
    docs = [nlp.make_doc(text) for text, _ in texts]
    for doc, (_, language) in zip(docs, texts, strict=True):
        set_language(doc, language)
    return docs


MIXED = [
    (TEXTS[4], "da"),
    (TEXTS[2], "de"),
    ("", None),
    (TEXTS[0], "en"),
    (" \n", "da"),
    (f"{TEXTS[5]}\n\n{TEXTS[4]}", "da"),
    ("12:30", None),
]


def found_in(nlp, texts=MIXED, **settings):
    docs = nlp.pipe(make_docs(nlp, *texts), **settings)
    return [(doc.text, doc._.translation, doc._.translation_doubt) for doc in docs]


# Translating


def test_translations_are_those_of_generate(m2m100):
    nlp = make_nlp(m2m100, source="en", target="de", length_ratio=2.0)
    expected = [generate(m2m100, "m2m100", text, 1) for text in TEXTS[:2]]
    assert [doc._.translation for doc in nlp.pipe(TEXTS[:2])] == expected
    assert expected[0] != expected[1]


def test_doubts_are_a_list_and_the_text_is_kept(scripted):
    nlp = make_nlp("scripted", source="de", retry=True)
    assert found_in(nlp, [("A one here. Loop here now", "de"), ("B two", "de")]) == [
        ("A one here. Loop here now", f"A ONE HERE. {LOOP}", ["repeated"]),
        ("B two", "Nummer to", []),
    ]
    assert scripted == ["scripted"]


def test_the_text_takes_the_place_of_a_doubtful_translation(scripted):
    nlp = make_nlp("scripted", source="de", on_doubt="source")
    texts = [("A one here\nLoop here now", "de"), ("B two", "de")]
    assert found_in(nlp, texts) == [
        ("A one here\nLoop here now", "A one here\nLoop here now", ["repeated"]),
        ("B two", "Nummer to", []),
    ]


def test_a_doc_that_no_translator_saw_has_no_translation_and_no_doubt(nlp):
    nlp.add_pipe(NAME)
    doc, other = nlp.make_doc("A"), nlp.make_doc("B")
    doc._.translation_doubt.append("length")
    assert (other._.translation, other._.translation_doubt) == (None, [])


def test_a_text_in_the_target_language_stays_and_a_blank_one_is_empty(m2m100):
    found = found_in(make_nlp(m2m100))
    assert [found[row][1] for row in (2, 3, 4, 6)] == ["", TEXTS[0], "", "12:30"]
    assert [found[row][2] for row in (2, 3, 4, 6)] == [[], [], [], []]
    assert all(found[row][1] not in ("", found[row][0]) for row in (0, 1, 5))


def test_alone_in_batches_twice_and_in_processes_they_are_the_same(m2m100):
    nlp = make_nlp(m2m100)
    expected = found_in(nlp)
    alone = [nlp(doc) for doc in make_docs(nlp, *MIXED)]
    assert [(doc.text, doc._.translation, doc._.translation_doubt) for doc in alone] == expected
    assert found_in(nlp) == expected
    assert found_in(nlp, batch_size=2) == expected
    assert found_in(nlp, n_process=2, batch_size=2) == expected
    # Not loaded before the processes begin.
    assert found_in(make_nlp(m2m100), n_process=2, batch_size=3) == expected


def test_the_language_of_the_doc_comes_before_the_setting(m2m100):
    translator = Translator(lambda source: load(m2m100), "en", DEFAULTS._replace(**FAST))
    nlp = make_nlp(m2m100, source="fr")
    for language, code in (("tr", "tr"), (None, "fr")):
        (expected,) = translator.pipe([RawText(TURKISH, code)])
        assert found_in(nlp, [(TURKISH, language)])[0][1] == expected.text


def test_languages_are_found_by_their_codes(m2m100):
    expected = found_in(make_nlp(m2m100, target="de"), [(FRENCH, "fr"), (TEXTS[2], "de")])
    codes = [["français: ça", "fr"], ["Deutsch", "de"]]
    nlp = make_nlp(m2m100, target="Deutsch", codes=codes)
    assert found_in(nlp, [(FRENCH, "français: ça"), (TEXTS[2], "Deutsch")]) == expected
    assert expected[1][1] == TEXTS[2]
    assert spacy.blank("xx").from_config(nlp.config).get_pipe(NAME).codes == dict(codes)


def test_a_very_long_text_is_translated_whole(m2m100):
    # A sentence that is longer than the model takes, and more sentences than a batch has.
    text = " ".join(TEXTS[4][:-1] for _ in range(8)) + ". " + " ".join(TEXTS[4:6] * 40)
    nlp = make_nlp(m2m100, source="da", length_ratio=0.1)
    (expected,) = Translator(
        lambda source: load(m2m100), "en", DEFAULTS._replace(beams=1, length_ratio=0.1, retry=False)
    ).pipe([RawText(text, "da")])
    doc = nlp(text)
    assert doc._.translation == expected.text
    assert expected.counts["cut"] == 1
    assert expected.counts["sentences"] == 81
    assert doc._.translation.count(found_in(nlp, [(TEXTS[5], "da")])[0][1]) == 40


def test_of_two_translators_the_later_one_wins_and_reads_the_text(m2m100):
    nlp = make_nlp(m2m100, target="de", source="fr")
    nlp.add_pipe(NAME, "to_english", config={"model": str(m2m100), **FAST, "source": "fr"})
    alone = found_in(make_nlp(m2m100, source="fr"), [(FRENCH, None)])
    assert found_in(nlp, [(FRENCH, None)]) == alone
    assert found_in(make_nlp(m2m100, target="de", source="fr"), [(FRENCH, None)]) != alone
    nlp.select_pipes(disable="xling_translator")
    assert found_in(nlp, [(FRENCH, None)]) == alone


# What can be wrong


@pytest.mark.parametrize(
    ("settings", "language", "code"),
    [
        ({"model": "no/such/folder"}, "da", "X301"),
        ({"model": "MASKED"}, "da", "X801"),
        ({}, "tlh", "X802"),
        ({"target": "tlh"}, "da", "X802"),
        ({}, None, "X803"),
        ({"model": "opus-{source}-en"}, None, "X803"),
        ({"model": "opus-{source}-en"}, "../../etc", "X812"),
        ({"model": "opus-{target}", "target": "a/b"}, "da", "X812"),
    ],
)
def test_what_cannot_be_translated_is_a_coded_line(m2m100, checkpoint, settings, language, code):
    settings = {"model": str(m2m100), **settings}
    if settings["model"] == "MASKED":
        settings["model"] = str(checkpoint)
    nlp = make_nlp(**settings)
    for run in (
        lambda: nlp(make_docs(nlp, (TEXTS[4], language))[0]),
        lambda: found_in(nlp, [(TEXTS[4], language)]),
    ):
        with pytest.raises(ValueError, match=rf"^\[{code}\]") as caught:
            run()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"batch_size": 0}, "X810"),
        ({"codes": {"da": "dan"}}, "X006"),
        ({"codes": [["da", 1]]}, "X006"),
        ({"codes": [["da", "dan"], ["da", "d"]]}, "X002"),
        ({"codes": [["da", "$dan"]]}, "X003"),
    ],
)
def test_settings_that_cannot_be_used_are_told_at_once(settings, code):
    with pytest.raises(ValueError, match=rf"\[{code}\]"):
        make_nlp("any", **settings)


def test_the_error_handler_gets_the_batch_and_the_rest_goes_on(m2m100):
    nlp = make_nlp(m2m100)
    failed = []
    nlp.set_error_handler(lambda name, proc, docs, error: failed.append((name, len(docs), str(error)[:6])))
    texts = [(TEXTS[4], "da"), (TEXTS[2], "de"), (TEXTS[4], "da"), (TEXTS[4], "tlh"), (TEXTS[2], "de")]
    found = found_in(nlp, texts, batch_size=2)
    assert failed == [(NAME, 2, "[X802]")]
    assert [text for text, *_ in found] == [TEXTS[4], TEXTS[2], TEXTS[2]]
    assert found[1] == found[2]


def test_initialize_loads_the_checkpoint_and_asks_it_for_the_languages(m2m100):
    nlp = make_nlp(m2m100, source="da")
    assert nlp.get_pipe(NAME)._held.engines == {}
    nlp.initialize()
    assert list(nlp.get_pipe(NAME)._held.engines) == [str(m2m100)]
    with pytest.raises(ValueError, match=r"^\[X802\]"):
        make_nlp(m2m100, source="tlh").initialize()
    with pytest.raises(ValueError, match=r"^\[X301\]"):
        make_nlp("no/such/folder").initialize()


# Saving and loading


@pytest.fixture
def no_hub(monkeypatch):
    def refuse(*args):
        raise AssertionError("no network is needed")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


@pytest.mark.usefixtures("no_hub")
def test_a_saved_pipeline_needs_neither_checkpoint_nor_network(m2m100, tmp_path):
    own = shutil.copytree(m2m100, tmp_path / "own")
    nlp = make_nlp(own)
    # Not loaded by any text yet.
    nlp.to_disk(tmp_path / "saved")
    data = nlp.to_bytes()
    expected = found_in(make_nlp(m2m100))
    shutil.rmtree(own)
    (tmp_path / "saved").rename(tmp_path / "moved")
    loaded = spacy.load(tmp_path / "moved")
    assert found_in(loaded) == expected
    assert found_in(spacy.blank("xx").from_config(nlp.config).from_bytes(data)) == expected
    # From what was loaded, too, over the very files, and after they are gone.
    loaded.to_disk(tmp_path / "moved")
    assert found_in(spacy.load(tmp_path / "moved")) == expected
    shutil.rmtree(tmp_path / "moved")
    loaded.to_disk(tmp_path / "third")
    assert found_in(spacy.load(tmp_path / "third")) == expected


def test_what_is_saved_is_the_checkpoint(m2m100, tmp_path):
    make_nlp(m2m100).to_disk(tmp_path)
    folder = tmp_path / NAME / "checkpoints"
    assert json.loads((folder / "index.json").read_text()) == {"checkpoints": [str(m2m100)]}
    saved = {file.name: file.read_bytes() for file in (folder / "0").iterdir()}
    own = {file.name: file.read_bytes() for file in m2m100.iterdir()}
    settings = json.loads(saved.pop("tokenizer_config.json"))
    before = json.loads(own.pop("tokenizer_config.json"))
    # Byte for byte, but for a name that an older release doesn't know.
    assert saved == own
    assert {"model.safetensors", "config.json", "sentencepiece.bpe.model"} <= saved.keys()
    if isinstance(before.get("extra_special_tokens"), list):
        before["additional_special_tokens"] = before.pop("extra_special_tokens")
    assert settings == before


def test_copies_and_pickles_translate_the_same(m2m100, tmp_path):
    own = shutil.copytree(m2m100, tmp_path / "own")
    nlp = make_nlp(own)
    expected = found_in(nlp)
    pickled = pickle.dumps(nlp)
    shutil.rmtree(own)
    for twin in (copy.deepcopy(nlp), pickle.loads(pickled)):
        assert found_in(twin) == expected
    component = copy.deepcopy(nlp.get_pipe(NAME))
    # Its weights are shared.
    engines = [pipe._held.engines[str(own)] for pipe in (component, nlp.get_pipe(NAME))]
    assert engines[0] is engines[1]


def test_without_save_the_name_alone_is_kept(m2m100, tmp_path):
    own = shutil.copytree(m2m100, tmp_path / "own")
    nlp = make_nlp(own, save=False)
    expected = found_in(nlp)
    nlp.to_disk(tmp_path / "saved")
    assert list((tmp_path / "saved" / NAME).iterdir()) == []
    assert len(pickle.dumps(nlp)) < (own / "model.safetensors").stat().st_size
    for loaded in (
        spacy.load(tmp_path / "saved"),
        spacy.blank("xx").from_config(nlp.config).from_bytes(nlp.to_bytes()),
        pickle.loads(pickle.dumps(nlp)),
    ):
        assert found_in(loaded) == expected
    shutil.rmtree(own)
    with pytest.raises(ValueError, match=r"^\[X301\].*own"):
        found_in(spacy.load(tmp_path / "saved"))


DANISH_AND_GERMAN = [(TEXTS[4], "da"), (TEXTS[2], "de"), (TEXTS[0], "en")]


def test_a_checkpoint_for_each_language_lies_in_a_numbered_folder(pairs, tmp_path):
    nlp = make_nlp(pairs)
    expected = found_in(nlp, DANISH_AND_GERMAN)
    for row, language in enumerate(("da", "de")):
        engine = load(pairs.with_name(f"opus-{language}-en"))
        translator = Translator(lambda source, engine=engine: engine, "en", DEFAULTS._replace(**FAST))
        (alone,) = translator.pipe([RawText(DANISH_AND_GERMAN[row][0], language)])
        assert expected[row][1] == alone.text
    nlp.to_disk(tmp_path)
    folder = tmp_path / NAME / "checkpoints"
    assert sorted(file.name for file in folder.iterdir()) == ["0", "1", "index.json"]
    weights = [load_file(folder / number / "model.safetensors") for number in ("0", "1")]
    assert any(not torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    loaded = spacy.load(tmp_path)
    assert found_in(loaded, DANISH_AND_GERMAN) == expected
    # What isn't there is not looked for.
    with pytest.raises(ValueError, match=r"^\[X813\].*opus-fr-en.*opus-da-en, .*opus-de-en"):
        found_in(loaded, [(FRENCH, "fr")])
    # What isn't held any more doesn't stay.
    only = make_nlp(pairs)
    found_in(only, DANISH_AND_GERMAN[1:])
    only.to_disk(tmp_path)
    assert sorted(file.name for file in folder.iterdir()) == ["0", "index.json"]
    assert found_in(spacy.load(tmp_path), DANISH_AND_GERMAN[1:]) == expected[1:]


def test_languages_that_are_known_beforehand_are_saved_without_a_text(pairs, tmp_path):
    expected = found_in(make_nlp(pairs), DANISH_AND_GERMAN)
    codes = [["da", "da"], ["Deutsch", "de"], ["en", "en"]]
    make_nlp(pairs, codes=codes, target="en").to_disk(tmp_path / "named")
    nlp = spacy.load(tmp_path / "named")
    assert len(nlp.get_pipe(NAME)._held.engines) == 2
    named = [(TEXTS[4], "da"), (TEXTS[2], "Deutsch"), (TEXTS[0], "en")]
    assert found_in(nlp, named) == expected
    with pytest.warns(UserWarning, match=r"^\[W804\]"):
        make_nlp(pairs).to_disk(tmp_path / "unknown")
    # Nothing was promised: it continues looking for checkpoints by their names.
    assert found_in(spacy.load(tmp_path / "unknown"), DANISH_AND_GERMAN) == expected


def test_beside_a_training_that_is_resumed_checkpoints_go_on_being_loaded(pairs, tmp_path):
    expected = found_in(make_nlp(pairs), DANISH_AND_GERMAN)
    begun, resumed = make_nlp(pairs), make_nlp(pairs)
    found_in(begun, DANISH_AND_GERMAN[:1])
    begun.to_disk(tmp_path)
    resumed.from_disk(tmp_path)
    with pytest.raises(ValueError, match=r"^\[X813\]"):
        found_in(resumed, DANISH_AND_GERMAN)
    # As a checkpoint of a training has it.
    state = json.loads(json.dumps(begun.get_pipe(NAME).training_state()))
    resumed.get_pipe(NAME).load_training_state(state)
    assert found_in(resumed, DANISH_AND_GERMAN) == expected
    # A pipeline that was loaded before the training keeps to what it has.
    assert spacy.load(tmp_path).get_pipe(NAME).training_state() == {"is_closed": True}


@pytest.mark.parametrize("damage", ["index", "folder", "weights", "names"])
def test_a_damaged_folder_is_a_coded_line(m2m100, tmp_path, damage):
    make_nlp(m2m100).to_disk(tmp_path)
    folder = tmp_path / NAME / "checkpoints"
    if damage == "index":
        (folder / "index.json").unlink()
    elif damage == "names":
        (folder / "index.json").write_text('{"checkpoints": [1]}')
    elif damage == "folder":
        shutil.rmtree(folder / "0")
    else:
        (folder / "0" / "model.safetensors").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"^\[X3(13|01)\]") as caught:
        spacy.load(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_a_saved_checkpoint_is_looked_at_before_it_is_loaded(m2m100, tmp_path):
    make_nlp(m2m100).to_disk(tmp_path)
    config = tmp_path / NAME / "checkpoints" / "0" / "config.json"
    settings = {**json.loads(config.read_text()), "transformers_weights": "elsewhere"}
    config.write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=r"^\[X330\].*transformers_weights"):
        spacy.load(tmp_path)


def test_pickled_weights_are_not_saved(m2m100, tmp_path, monkeypatch):
    own = shutil.copytree(m2m100, tmp_path / "own")
    torch.save(load_file(own / "model.safetensors"), own / "pytorch_model.bin")
    (own / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"^\[X331\]"):
        found_in(make_nlp(own))
    monkeypatch.setenv(PICKLES_VARIABLE, "1")
    nlp = make_nlp(own)
    assert found_in(nlp) == found_in(make_nlp(m2m100))
    for save in (lambda: nlp.to_disk(tmp_path / "saved"), nlp.to_bytes):
        with pytest.raises(ValueError, match=r"^\[X814\].*own"):
            save()
    make_nlp(own, save=False).to_disk(tmp_path / "saved")


def test_a_text_that_is_learnt_from_is_translated_where_the_training_says_so(scripted):
    nlp = make_nlp("scripted", source="de")
    seen = []

    class Learner:
        def __call__(self, doc):
            return doc

        def update(self, examples, **settings):
            seen.extend(eg.predicted._.translation for eg in examples)

    spacy.Language.factory("learner", func=lambda nlp, name: Learner())
    nlp.add_pipe("learner")
    examples = make_examples(nlp, [("A one here", {}), *SINGLE[:1]])
    nlp.update(examples, annotates=[NAME])
    nlp.update(examples)
    assert seen == ["Et a her", SINGLE[0][0].upper(), None, None]
    assert all(isinstance(eg.predicted, Doc) and eg.predicted._.translation is None for eg in examples)

"""Labelled texts are code-switched in training, and nowhere else."""

import json

import pytest
import spacy
import torch
from spacy.training import Example
from thinc.api import Adam, fix_random_seed

from spacy_xling.data.languages import set_language
from spacy_xling.dictionaries.dictionary import Dictionaries, Dictionary
from spacy_xling.dictionaries.reader import build_dictionaries_v1
from spacy_xling.models.architectures import joint_shim
from spacy_xling.training.callbacks import build_attach_dictionaries_v1
from spacy_xling.training.loggers import loss_columns
from tests.conftest import MULTI, SINGLE, textcat_config
from tests.pipeline.shared import RawTexts

KINDS = [("xling_textcat", SINGLE), ("xling_textcat_multilabel", MULTI)]
each_kind = pytest.mark.parametrize(("name", "data"), KINDS)
ALWAYS = {"@misc": "spacy-xling.code_switching.v1", "share": 1.0}
GERMAN = {
    "parcel": "Paket",
    "late": "spät",
    "money": "Geld",
    "back": "zurück",
    "box": "Karton",
    "order": "Auftrag",
}


pytestmark = pytest.mark.usefixtures("one_thread")


def one_each(words, target="de", source="en"):
    return Dictionary(source, target, {word: {translation: 1.0} for word, translation in words.items()})


def dictionaries(nlp=None):
    return Dictionaries([one_each(GERMAN)])


def two_languages(nlp=None):
    return Dictionaries([one_each(GERMAN), one_each({"parcel": "pakke", "money": "penge"}, "da")])


def make_examples(nlp, data, language="en"):
    examples = [Example.from_dict(nlp.make_doc(text), {"cats": cats}) for text, cats in data]
    for example in examples:
        set_language(example.reference, language)
    return examples


def written_out(data):
    """The texts as they stand once every word of GERMAN is replaced."""
    texts = []
    for text, cats in data:
        for word, translation in GERMAN.items():
            text = text.replace(word, translation).replace(word.capitalize(), translation)
        texts.append((text, cats))
    return texts


def make_pipe(checkpoint, data, *, name="xling_textcat", code_switching=None, reader=None, **settings):
    """A pipeline of one initialized component, and its examples."""
    nlp = spacy.blank("xx")
    config = textcat_config(checkpoint, code_switching=code_switching, **settings)
    config["model"]["encoder"]["dropout"] = 0.0
    pipe = nlp.add_pipe(name, config=config)
    examples = make_examples(nlp, data)
    fix_random_seed(0)
    pipe.initialize(lambda: examples, nlp=nlp, dictionaries=reader, unlabelled=lambda nlp: RawTexts())
    return nlp, pipe, examples


def update(pipe, examples, n_updates=3):
    optimizer, losses = Adam(0.01, use_averages=False), []
    for _ in range(n_updates):
        losses.append(pipe.update(examples, sgd=optimizer, losses={}))
    return losses


def parameters(pipe):
    return {name: value.detach().clone() for name, value in joint_shim(pipe.model).module.named_parameters()}


def assert_equal_parameters(left, right):
    left, right = parameters(left), parameters(right)
    assert left.keys() == right.keys()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []


def record_texts(pipe, monkeypatch):
    """The texts that the component cuts into pieces, batch by batch."""
    batches, split = [], pipe._split

    def recorded(texts):
        batches.append(list(texts))
        return split(texts)

    monkeypatch.setattr(pipe, "_split", recorded)
    return batches


@each_kind
def test_training_on_switched_texts_is_training_on_the_texts_written_out(name, data, checkpoint):
    _, switched, examples = make_pipe(checkpoint, data, name=name, code_switching=ALWAYS, reader=dictionaries)
    _, plain, written = make_pipe(checkpoint, written_out(data), name=name)
    found, expected = update(switched, examples), update(plain, written)
    assert [losses[name] for losses in found] == [losses[name] for losses in expected]
    assert_equal_parameters(switched, plain)


@each_kind
def test_with_a_share_of_0_training_is_number_for_number_what_it_is_without(name, data, checkpoint):
    def no_reader(nlp):
        raise AssertionError("dictionaries aren't read")

    _, switched, examples = make_pipe(
        checkpoint, data, name=name, code_switching=ALWAYS | {"share": 0.0}, reader=no_reader, mlm_weight=0.5
    )
    _, plain, others = make_pipe(checkpoint, data, name=name, mlm_weight=0.5)
    assert update(switched, examples) == update(plain, others)
    assert_equal_parameters(switched, plain)
    assert switched.loss_names == plain.loss_names


def test_each_visit_of_a_text_is_drawn_anew(checkpoint, monkeypatch):
    settings = ALWAYS | {"share": 0.5}
    _, pipe, examples = make_pipe(checkpoint, SINGLE, code_switching=settings, reader=two_languages)
    batches = record_texts(pipe, monkeypatch)
    update(pipe, examples, 12)
    first = {batch[0] for batch in batches}
    assert first == {"The parcel arrived late.", "The Paket arrived spät.", "The pakke arrived late."}


def test_the_same_seed_draws_the_same_texts_and_another_one_others(checkpoint, monkeypatch):
    drawn = []
    for seed in (1, 1, 2):
        settings = ALWAYS | {"share": 0.5, "seed": seed}
        _, pipe, examples = make_pipe(checkpoint, SINGLE, code_switching=settings, reader=two_languages)
        with monkeypatch.context() as patch:
            batches = record_texts(pipe, patch)
            update(pipe, examples, 4)
        drawn.append(batches)
    assert drawn[0] == drawn[1] != drawn[2]


def test_nothing_is_switched_when_predicting_evaluating_or_rehearsing(checkpoint, monkeypatch):
    nlp, pipe, examples = make_pipe(checkpoint, SINGLE, code_switching=ALWAYS, reader=dictionaries)
    batches = record_texts(pipe, monkeypatch)
    before = pipe.training_state()
    texts = [text for text, _ in SINGLE]
    cats = [doc.cats for doc in nlp.pipe(texts)]
    nlp.evaluate(examples)
    scores = pipe.predict([eg.predicted for eg in examples])
    pipe.get_loss(examples, scores)
    nlp.resume_training(sgd=Adam(0.01))
    pipe.rehearse(examples)
    assert pipe.training_state() == before
    assert {text for batch in batches for text in batch} == set(texts)
    pipe._dictionaries._draws = None
    assert [doc.cats for doc in nlp.pipe(texts)] == cats


@pytest.mark.parametrize("language", ["de", None])
def test_a_text_that_is_not_in_the_source_language_is_never_switched(language, checkpoint, monkeypatch):
    nlp, pipe, _ = make_pipe(checkpoint, SINGLE, code_switching=ALWAYS, reader=dictionaries)
    batches = record_texts(pipe, monkeypatch)
    update(pipe, make_examples(nlp, SINGLE, language), 4)
    assert batches == [[text for text, _ in SINGLE]] * 4


def test_an_unlabelled_text_of_the_batch_stays_as_it_is(checkpoint, monkeypatch):
    nlp, pipe, examples = make_pipe(
        checkpoint, SINGLE, code_switching=ALWAYS, reader=dictionaries, mlm_weight=0.5
    )
    batches = record_texts(pipe, monkeypatch)
    unlabelled = make_examples(nlp, [("The parcel is late.", {})])
    losses = pipe.update([examples[0], *unlabelled], losses={})
    assert batches[0] == ["The Paket arrived spät.", "The parcel is late."]
    assert losses["xling_textcat_switched"] == 2 / 4


def test_labelled_texts_of_the_masked_term_are_the_switched_ones(checkpoint, monkeypatch):
    settings = {"mlm_on_labelled": True, "mlm_weight": 0.5, "texts_per_update": 1}
    _, pipe, examples = make_pipe(checkpoint, SINGLE, code_switching=ALWAYS, reader=dictionaries, **settings)
    _, plain, written = make_pipe(checkpoint, written_out(SINGLE), **settings)
    assert update(pipe, examples)[-1]["xling_textcat_mlm"] == update(plain, written)[-1]["xling_textcat_mlm"]


def test_the_log_has_the_share_of_the_words_that_were_replaced(checkpoint):
    nlp, pipe, examples = make_pipe(checkpoint, SINGLE, code_switching=ALWAYS, reader=dictionaries)
    # Of 4 + 5 + 5 + 6 words: parcel late; money back; order late; money back box.
    assert update(pipe, examples, 1)[0]["xling_textcat_switched"] == pytest.approx(9 / 20)
    assert loss_columns(nlp)["switched"] == "xling_textcat_switched"


def test_draws_go_on_from_a_saved_state(checkpoint, monkeypatch):
    settings = ALWAYS | {"share": 0.5}
    _, pipe, examples = make_pipe(checkpoint, SINGLE, code_switching=settings, reader=two_languages)
    update(pipe, examples, 3)
    state = json.loads(json.dumps(pipe.training_state()))
    _, other, others = make_pipe(checkpoint, SINGLE, code_switching=settings, reader=two_languages)
    other.load_training_state(state)
    batches = [record_texts(found, monkeypatch) for found in (pipe, other)]
    update(pipe, examples, 5)
    update(other, others, 5)
    assert batches[0] == batches[1]


def test_a_state_of_other_dictionaries_is_refused(checkpoint):
    _, pipe, _ = make_pipe(checkpoint, SINGLE, code_switching=ALWAYS, reader=two_languages)
    _, other, _ = make_pipe(checkpoint, SINGLE, code_switching=ALWAYS, reader=dictionaries)
    with pytest.raises(ValueError, match=r"\[X209\]"):
        other.load_training_state(pipe.training_state())


def test_initialize_begins_the_draws_anew(checkpoint, monkeypatch):
    nlp, pipe, examples = make_pipe(
        checkpoint, SINGLE, code_switching=ALWAYS | {"share": 0.5}, reader=two_languages
    )
    before = pipe.training_state()
    update(pipe, examples)
    assert pipe.training_state()["switching"] != before["switching"]
    pipe.initialize(lambda: examples, nlp=nlp, dictionaries=two_languages)
    assert pipe.training_state()["switching"] == before["switching"]


def test_switching_without_dictionaries_is_one_line_when_it_begins(checkpoint):
    with pytest.raises(ValueError, match=r"\[X540\] The component 'xling_textcat' has code_switching"):
        make_pipe(checkpoint, SINGLE, code_switching=ALWAYS)


def test_a_loaded_component_needs_dictionaries_to_train_and_none_to_predict(checkpoint, tmp_path):
    nlp, _, _ = make_pipe(checkpoint, SINGLE, code_switching=ALWAYS, reader=dictionaries)
    nlp.to_disk(tmp_path / "saved")
    files = [path.name for path in (tmp_path / "saved").rglob("*")]
    assert not any("dictionar" in name for name in files)
    loaded = spacy.load(tmp_path / "saved")
    assert loaded("The parcel.").cats == nlp("The parcel.").cats
    again = loaded.get_pipe("xling_textcat")
    with pytest.raises(ValueError, match=r"\[X540\]"):
        again.update(make_examples(loaded, SINGLE))
    build_attach_dictionaries_v1("xling_textcat", dictionaries)(loaded)
    assert again.update(make_examples(loaded, SINGLE), losses={})["xling_textcat_switched"] > 0


def test_only_dictionaries_can_be_attached(checkpoint, tmp_path):
    _, pipe, _ = make_pipe(checkpoint, SINGLE, code_switching=ALWAYS, reader=dictionaries)
    with pytest.raises(ValueError, match=r"\[X541\] 'xling_textcat' was given a DictionaryReader"):
        pipe.attach_dictionaries(build_dictionaries_v1(tmp_path))


def test_dictionaries_without_a_setting_to_use_them_are_a_warning(checkpoint):
    with pytest.warns(UserWarning, match=r"\[W540\]"):
        _, pipe, examples = make_pipe(checkpoint, SINGLE, reader=dictionaries)
    assert "xling_textcat_switched" not in pipe.update(examples, losses={})


def test_dictionaries_of_a_language_that_no_text_has_are_a_warning(checkpoint):
    def of_danish(nlp):
        return Dictionaries([one_each({"pakke": "parcel"}, "en", "da")])

    with pytest.warns(UserWarning, match=r"\[W541\] The dictionaries are of words of da, .* are in en;"):
        make_pipe(checkpoint, SINGLE, code_switching=ALWAYS, reader=of_danish)


def test_a_dictionary_whose_words_are_never_met_is_a_warning(checkpoint):
    def unmet(nlp):
        return Dictionaries([one_each(GERMAN), one_each({"zebra": "zebra"}, "da")])

    with pytest.warns(UserWarning, match=r"\[W542\] The dictionary en-da has 0.0 % of the words"):
        make_pipe(checkpoint, SINGLE, code_switching=ALWAYS, reader=unmet)


def test_a_config_gives_a_component_its_dictionaries(checkpoint, tmp_path):
    (tmp_path / "en-de.tsv").write_text("parcel\tPaket\n", encoding="utf8")
    _, pipe, examples = make_pipe(
        checkpoint,
        SINGLE[:1] * 2 + SINGLE[1:2],
        code_switching=ALWAYS,
        reader=build_dictionaries_v1(tmp_path),
    )
    losses = pipe.update(examples, losses={})
    assert losses["xling_textcat_switched"] == pytest.approx(2 / 13)

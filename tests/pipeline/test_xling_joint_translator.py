import pickle
from copy import deepcopy

import numpy as np
import pytest
import spacy
import torch
from thinc.api import Adam, fix_random_seed

from spacy_xling.models.architectures import translation_shim
from spacy_xling.objective.translation import build_translation_objective_v1
from spacy_xling.translation.trained import load_trained
from tests.conftest import make_checkpoint
from tests.pipeline.shared import RawTexts
from tests.pipeline.translators import (
    LANGUAGES,
    NAME,
    PAIRS,
    make_examples,
    make_translator,
    parameters,
    train,
    translations_of,
    translator_config,
)

EXPECTED = [translation for _, translation, _, _ in PAIRS]


@pytest.fixture(scope="module")
def overfitted(checkpoints):
    nlp, _, examples = make_translator(checkpoints("xlm-roberta"), mlm_weight=0.0, label_smoothing=0.0)
    losses = train(nlp, examples, 60)
    return nlp, losses


def test_overfitting_saving_and_loading(overfitted, tmp_path):
    nlp, losses = overfitted
    assert losses[NAME] < 0.05
    assert translations_of(nlp) == EXPECTED
    assert translations_of(nlp) == EXPECTED
    nlp.to_disk(tmp_path / "pipeline")
    assert translations_of(spacy.load(tmp_path / "pipeline")) == EXPECTED
    other = spacy.blank("xx")
    other.add_pipe(NAME, config=translator_config("nowhere"))
    assert translations_of(other.from_bytes(nlp.to_bytes())) == EXPECTED
    pickled = pickle.loads(pickle.dumps(nlp))
    assert translations_of(pickled) == EXPECTED
    assert pickled.get_pipe(NAME).languages == tuple(LANGUAGES)


def test_the_target_is_saved_also_where_the_translator_is_sourced(overfitted, tmp_path):
    nlp, _ = overfitted
    other = spacy.blank("xx")
    other.add_pipe(NAME, source=nlp, first=True).target = "da"
    other.to_disk(tmp_path / "pipeline")
    doc = spacy.load(tmp_path / "pipeline")("The parcel arrived late.")
    assert doc._.translation == "Pakken kom for sent."
    # spaCy's pipelines share a component that is sourced.
    nlp.get_pipe(NAME).target = None


def test_the_components_beams_are_those_of_its_engine(checkpoint, tmp_path):
    nlp, translator, _ = make_translator(checkpoint, beams=3)
    assert translator.engine.beams == 3
    nlp.to_disk(tmp_path / "pipeline")
    assert load_trained(str(tmp_path / "pipeline")).beams == 3


def test_in_bf16_losses_are_near_those_of_fp32(checkpoint):
    found = []
    for precision in ("fp32", "bf16"):
        encoder = {"name": str(checkpoint), "dropout": 0.0, "precision": precision}
        _, translator, examples = make_translator(checkpoint, model={"encoder": encoder})
        found.append(translator.update(examples))
        assert len(translator.predict([examples[0].predicted])) == 1
    assert found[1][NAME] == pytest.approx(found[0][NAME], rel=0.02)
    assert found[1][NAME] != found[0][NAME]


def test_the_target_of_the_component_is_that_of_training_too(checkpoint):
    pairs = [pair for pair in PAIRS if pair[3] == "da"]
    nlp, translator, examples = make_translator(checkpoint, pairs, mlm_weight=0.0)
    expected = translator.update(examples)
    other = make_examples(nlp, pairs)
    for example in other:
        example.reference._.translation_language = None
    named = nlp.add_pipe(NAME, "named", config=translator_config(checkpoint, mlm_weight=0.0, target="da"))
    fix_random_seed(0)
    named.initialize(lambda: other)
    assert named.languages == ("da",)
    assert named.update(other)["named"] == pytest.approx(expected[NAME])


def test_docs_tell_how_their_translations_begin(overfitted):
    nlp, _ = overfitted
    model = nlp.get_pipe(NAME).model
    docs = [nlp.make_doc(text) for text, *_ in PAIRS[:2]]
    found = model.predict(docs)
    np.testing.assert_array_equal(found, model.predict(docs))
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, rtol=1e-5)
    shim = translation_shim(model)
    assert found.argmax(axis=1).tolist() == [
        int(shim.split([translation]).ids[1]) for _, translation, _, _ in PAIRS[:2]
    ]
    assert model.predict([]).shape == (0, found.shape[1])
    _, backprop = model.begin_update(docs)
    backprop(np.ones_like(found))
    assert shim.has_gradients
    shim.module.zero_grad(set_to_none=True)


def test_alone_as_among_others_and_called_as_piped(overfitted):
    nlp, _ = overfitted
    for pair, expected in zip(PAIRS, EXPECTED, strict=True):
        assert translations_of(nlp, [pair]) == [expected]
        doc = nlp.make_doc(pair[0])
        doc._.language, doc._.translation_language = pair[2:]
        assert nlp(doc)._.translation == expected


def test_copies_and_processes_translate_alike(overfitted):
    nlp, _ = overfitted
    texts = [text for text, _, _, target in PAIRS if target == "da"]
    expected = [translation for _, translation, _, target in PAIRS if target == "da"]
    translator = nlp.get_pipe(NAME)
    try:
        translator.target = "da"
        assert [doc._.translation for doc in nlp.pipe(texts, n_process=2)] == expected
    finally:
        translator.target = None
    copied = deepcopy(translator)
    with torch.no_grad():
        for parameter in translation_shim(copied.model).module.decoder.parameters():
            parameter.zero_()
    assert translations_of(nlp) == EXPECTED
    doc = nlp.make_doc(PAIRS[0][0])
    doc._.translation_language = "da"
    assert copied.predict([doc])[0].text != EXPECTED[0]


def test_sentences_are_translated_one_by_one_and_blank_texts_stay_blank(overfitted):
    nlp, _ = overfitted
    doc = nlp.make_doc("The parcel arrived late. I want my money back.\n")
    doc._.language, doc._.translation_language = "en", "da"
    assert nlp(doc)._.translation == "Pakken kom for sent. Jeg vil have mine penge tilbage.\n"
    blank = nlp.make_doc("  ")
    blank._.translation_language = "da"
    assert nlp(blank)._.translation.strip() == ""


def test_the_target_of_a_doc_counts_before_that_of_the_component(overfitted):
    nlp, _ = overfitted
    translator = nlp.get_pipe(NAME)
    doc = nlp.make_doc("My money.")
    with pytest.raises(ValueError, match="X828"):
        nlp(doc)
    try:
        translator.target = "de"
        assert nlp(nlp.make_doc("My money."))._.translation == "Das Geld."
        doc._.translation_language = "deu"
        assert nlp(doc)._.translation == "Das Geld."
        doc._.translation_language = "fi"
        with pytest.raises(ValueError, match="X821"):
            nlp(doc)
    finally:
        translator.target = None


def test_beams_and_greedy_search_agree_where_the_model_is_sure(overfitted):
    nlp, _ = overfitted
    engine = nlp.get_pipe(NAME).engine
    for text, expected, source, target in PAIRS:
        pair = engine.tokenizer.pair(source, target)
        pieces = engine.tokenizer.encode([text], pair)
        found = [engine.generate(pieces, pair, limit=40, beams=beams, no_repeat=0)[0] for beams in (1, 2, 4)]
        assert [one.text for one in found] == [expected] * 3
        assert all(one.is_finished for one in found)


def test_cached_search_equals_one_that_decodes_the_whole_prefix_each_time(checkpoints):
    _, translator, _ = make_translator(checkpoints("bert"))
    shim = translation_shim(translator.model)
    module = shim.module.double().eval()
    rows = shim.encode([text for text, *_ in PAIRS])
    found = shim.translate(rows, 1, limit=12, beams=1, no_repeat=0)

    encoder = module.masked_lm.encoder
    for row, pieces in zip(rows, found, strict=True):
        ids = torch.tensor([row])
        hidden = encoder.encode(encoder.embed(ids), torch.ones_like(ids, dtype=torch.bool))
        memory = module.decoder.remember(hidden, torch.ones_like(ids, dtype=torch.bool))
        expected: list[int] = []
        while len(expected) < 12 and (not expected or expected[-1] != shim.end):
            embedded = encoder.embed(torch.tensor([expected], dtype=torch.long))
            states = module.decoder(embedded, torch.tensor([1]), memory)
            logits = module.masked_lm.decoder(module.masked_lm.project(states[:, -1]))
            expected.append(int(logits.argmax()))
        assert pieces == expected


def test_with_lambda_0_training_is_that_without_raw_text(checkpoint):
    def trained(unlabelled):
        nlp, translator, examples = make_translator(checkpoint, mlm_weight=0.0)
        if unlabelled:
            translator.attach_unlabelled(RawTexts())
        train(nlp, examples, 3)
        return parameters(translator)

    with_text, without = trained(True), trained(False)
    assert all(torch.equal(with_text[name], without[name]) for name in without)


def test_accumulated_batches_step_by_the_mean_of_their_objectives(checkpoint):
    _, translator, examples = make_translator(checkpoint, mlm_weight=0.0)
    shim = translation_shim(translator.model)
    for batch in (examples[:2], examples[2:]):
        translator.update(batch)
    summed = {name: p.grad.clone() for name, p in shim.module.named_parameters() if p.grad is not None}
    recorded = {}

    def note(optimizer):
        recorded.update({n: p.grad.clone() for n, p in shim.module.named_parameters() if p.grad is not None})

    shim.finish_update = note
    translator.finish_update(Adam(0.001))
    assert recorded.keys() == summed.keys()
    for name, grad in recorded.items():
        torch.testing.assert_close(grad, summed[name] / 2)


def test_the_decoder_of_a_tied_checkpoint_shares_the_encoders_matrix(checkpoint):
    _, translator, _ = make_translator(checkpoint)
    module = translation_shim(translator.model).module
    matrix = module.masked_lm.encoder.embeddings.weight
    assert module.masked_lm.decoder_weight is matrix
    of_decoder = [p for p in module.decoder.parameters() if p.shape == matrix.shape]
    assert not of_decoder


def test_pairs_that_cannot_be_learnt_from_are_passed_over_with_one_warning(checkpoint):
    good = PAIRS[:2]
    long = ("late " * 100, "sent", "en", "da")
    nlp, translator, _ = make_translator(checkpoint, good, mlm_weight=0.0)
    alone = translator.update(make_examples(nlp, good))
    with pytest.warns(UserWarning, match="W820") as caught:
        losses = [nlp.update(make_examples(nlp, [*good, long]), sgd=False)]
    assert [warning.filename for warning in caught] == [__file__]
    # Warnings are errors here.
    blank = [("The box", "  ", "en", "da"), (" ", "Pakken", "en", "da")]
    for pair in (*blank, ("The box", "Pakken </s> sent", "en", "da")):
        losses.append(translator.update(make_examples(nlp, [*good, pair])))
    assert [found[NAME] for found in losses] == [pytest.approx(alone[NAME])] * 4
    assert translator.update(make_examples(nlp, [long]))[NAME] == 0.0


def test_examples_without_translation_take_no_part(checkpoint):
    nlp, translator, examples = make_translator(checkpoint, mlm_weight=0.0)
    plain = make_examples(nlp, PAIRS[:1])
    plain[0].reference._.translation = None
    assert translator.update([*examples, *plain])[NAME] == pytest.approx(translator.update(examples)[NAME])


def test_the_state_of_training_is_kept(checkpoint):
    _, translator, examples = make_translator(checkpoint, texts_per_update=2)
    translator.update(examples, sgd=Adam(0.001))
    state, weights = translator.training_state(), translator.to_bytes()
    expected = translator.update(examples)
    _, other, _ = make_translator(checkpoint, texts_per_update=2)
    other.from_bytes(weights)
    other.load_training_state(state)
    assert other.update(examples) == expected


def test_what_is_missing_or_wrong_is_one_coded_line(checkpoint, tmp_path):
    nlp = spacy.blank("xx")
    with pytest.raises(ValueError, match="X810"):
        nlp.add_pipe(NAME, config=translator_config(checkpoint, beams=0))
    with pytest.raises(ValueError, match="X820"):
        nlp.add_pipe(NAME, config={"objective": {"@losses": "spacy-xling.MaskedLMObjective.v1"}})
    with pytest.raises(ValueError, match="X404"):
        build_translation_objective_v1(label_smoothing=1.0)
    for setting, value in (("layers", 0), ("heads", 0), ("dropout", 1.0), ("pass_pieces", 0)):
        with pytest.raises(ValueError, match="X311"):
            nlp.add_pipe(NAME, config=translator_config(checkpoint, model={setting: value}))
    translator = nlp.add_pipe(NAME, config=translator_config(checkpoint))
    examples = make_examples(nlp)
    with pytest.raises(ValueError, match="X309"):
        translator.update(examples)
    with pytest.raises(ValueError, match="X827"):
        translator.initialize(lambda: examples)
    plain = make_examples(nlp)
    for example in plain:
        example.reference._.translation = None
    with pytest.raises(ValueError, match="X824"):
        translator.initialize(lambda: plain, unlabelled=lambda nlp: RawTexts())
    translator.initialize(lambda: examples, unlabelled=lambda nlp: RawTexts(), languages=["da", "de"])
    with pytest.raises(ValueError, match="X821"):
        translator.update(examples)
    examples[0].reference._.translation = 7
    with pytest.raises(ValueError, match="X558"):
        translator.update(examples)


def test_heads_must_divide_the_width(checkpoint):
    with pytest.raises(ValueError, match="X311"):
        make_translator(checkpoint, model={"heads": 3})


def test_a_loss_that_is_no_number_stops_training(checkpoint):
    _, translator, examples = make_translator(checkpoint)
    with torch.no_grad():
        translation_shim(translator.model).module.decoder.norm.weight.fill_(np.nan)
    with pytest.raises(ValueError, match="X825"):
        translator.update(examples)


def test_frozen_embeddings_do_not_move(tmp_path):
    checkpoint = make_checkpoint("xlm-roberta", tmp_path / "checkpoint")
    encoder = {"name": str(checkpoint), "freeze_embeddings": True}
    nlp, translator, examples = make_translator(checkpoint, model={"encoder": encoder})
    before = parameters(translator)
    train(nlp, examples, 2)
    after = parameters(translator)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert not any("word_embeddings" in name for name in moved)
    assert any(name.startswith("decoder.") for name in moved)

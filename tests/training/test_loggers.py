import io
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from spacy.training.loop import train
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from thinc.api import Config

from spacy_xling.training.loggers import (
    build_console_logger_v1,
    build_tensor_board_logger_v1,
    loss_columns,
)
from tests.resuming.configs import SPACY
from tests.resuming.runs import Work, count_moments, is_killed

TERMS = {"loss": "xling_textcat", "class": "xling_textcat_class", "mlm": "xling_textcat_mlm"}


def make_pipe(loss_names=None, is_trainable=True):
    names = {} if loss_names is None else {"loss_names": loss_names}
    return SimpleNamespace(is_trainable=is_trainable, **names)


def make_nlp(**pipes):
    weights = {"cats_score": 1.0, "speed": 0.0, "cats_score_desc": None}
    training = {"score_weights": weights, "max_steps": 40, "eval_frequency": 10}
    return SimpleNamespace(pipeline=list(pipes.items()), config=Config({"training": training}))


def make_info(step, losses, **scores):
    return {
        "epoch": 1,
        "step": step,
        "seconds": 12,
        "score": scores["cats_score"],
        "other_scores": scores,
        "losses": losses,
    }


def run_logger(nlp, infos, **settings):
    stdout = io.StringIO()
    log_step, finalize = build_console_logger_v1(**settings)(nlp, stdout, io.StringIO())
    for info in infos:
        log_step(info)
    finalize()
    return stdout.getvalue().splitlines()


FIRST = make_info(0, {"xling_textcat": 3.0, "xling_textcat_class": 1.0}, cats_score=0.5, speed=900.0)
SECOND = make_info(
    4,
    {"xling_textcat": 8.0, "xling_textcat_class": 4.0, "xling_textcat_mlm": 2.0},
    cats_score=np.float32(0.75),
    cats_f_per_type={"POS": {"f": 0.25}},
    cats_score_desc="macro F",
    speed=1000.0,
)
STEPS = [FIRST, None, None, None, SECOND]


def test_each_term_has_its_column():
    nlp = make_nlp(
        tokenizer=SimpleNamespace(), sentencizer=make_pipe({}, False), xling_textcat=make_pipe(TERMS)
    )
    header, *_ = run_logger(nlp, [])
    assert header.split() == ["E", "#", "SEC", "LOSS", "CLASS", "MLM", "CATS_SCORE", "SPEED", "SCORE"]


def test_pipes_without_terms_have_the_column_that_spacy_gives_them():
    columns = loss_columns(make_nlp(tagger=make_pipe(), xling_textcat=make_pipe(TERMS)))
    assert columns == {"Loss tagger": "tagger", **TERMS}


def test_several_pipes_with_terms_can_be_told_apart():
    columns = loss_columns(make_nlp(one=make_pipe({"mlm": "one_mlm"}), two=make_pipe({"mlm": "two_mlm"})))
    assert columns == {"one mlm": "one_mlm", "two mlm": "two_mlm"}


def test_losses_are_means_per_step_since_the_last_evaluation():
    *_, first, second = run_logger(make_nlp(xling_textcat=make_pipe(TERMS)), STEPS)
    assert first.split() == ["1", "0", "12", "3.00", "1.00", "0.00", "50.00", "900.00", "0.50"]
    assert second.split() == ["1", "4", "12", "2.00", "1.00", "0.50", "75.00", "1000.00", "0.75"]


def test_columns_are_aligned():
    lines = run_logger(make_nlp(xling_textcat=make_pipe(TERMS)), STEPS)
    assert len({len(line.rstrip()) for line in lines[1:]}) == 1


def test_output_file_holds_means_and_scores_as_they_are(tmp_path):
    path = tmp_path / "logs" / "run.jsonl"
    nlp = make_nlp(xling_textcat=make_pipe(TERMS))
    lines = run_logger(nlp, STEPS, output_file=path, console_output=False)
    # The printer wraps long lines.
    assert f"Saving results to {path}" in " ".join(lines)
    assert "LOSS" not in " ".join(lines)
    first, second = map(json.loads, path.read_text().splitlines())
    assert first["losses"] == {"xling_textcat": 3.0, "xling_textcat_class": 1.0, "xling_textcat_mlm": 0.0}
    assert second == {
        "epoch": 1,
        "step": 4,
        "seconds": 12,
        "losses": {"xling_textcat": 2.0, "xling_textcat_class": 1.0, "xling_textcat_mlm": 0.5},
        "scores": {"cats_score": 0.75, "cats_f_per_type": {"POS": {"f": 0.25}}, "speed": 1000.0},
        "score": 0.75,
    }


def test_scores_without_a_value_and_losses_are_shown_as_such():
    nlp = make_nlp(xling_textcat=make_pipe(TERMS))
    weights = {"cats_score": 1.0, "cats_macro_f_da": 0.0, "cats_macro_f_de": 0.0, "mlm_heldout_loss_da": 0.0}
    nlp.config["training"]["score_weights"] = weights
    info = make_info(0, {}, cats_score=0.5, cats_macro_f_da=0.25, mlm_heldout_loss_da=3.5)
    header, _, row = run_logger(nlp, [info])
    assert header.split()[6:] == [name.upper() for name in weights] + ["SCORE"]
    assert row.split()[6:] == ["50.00", "25.00", "-", "3.50", "0.50"]


def read_events(folder):
    """Step and value of each scalar of all logs in a folder, by its name."""
    found = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        events = EventAccumulator(str(path)).Reload()
        for name in events.Tags()["scalars"]:
            found.setdefault(name, []).extend((event.step, event.value) for event in events.Scalars(name))
    return found


def test_tensorboard_has_losses_and_scores(tmp_path):
    log_step, finalize = build_tensor_board_logger_v1(tmp_path / "log")(
        make_nlp(xling_textcat=make_pipe(TERMS)), io.StringIO()
    )
    for info in STEPS:
        log_step(info)
    finalize()
    assert read_events(tmp_path / "log") == {
        "loss/loss": [(0, 3.0), (4, 2.0)],
        "loss/class": [(0, 1.0), (4, 1.0)],
        "loss/mlm": [(0, 0.0), (4, 0.5)],
        "score": [(0, 0.5), (4, 0.75)],
        "epoch": [(0, 1.0), (4, 1.0)],
        "scores/cats_score": [(0, 0.5), (4, 0.75)],
        "scores/cats_f_per_type/POS/f": [(4, 0.25)],
        "scores/speed": [(0, 900.0), (4, 1000.0)],
    }


def test_tensorboard_leaves_a_log_that_is_there(tmp_path):
    old = tmp_path / "events.out.tfevents.1"
    old.write_text("old")
    stdout = io.StringIO()
    log_step, finalize = build_tensor_board_logger_v1(tmp_path)(make_nlp(), stdout)
    log_step(FIRST)
    finalize()
    assert "log is disabled" in stdout.getvalue()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_tensorboard_without_its_extra_is_X621(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match="X621"):
        build_tensor_board_logger_v1(tmp_path)(make_nlp(), io.StringIO())


CHAIN = """
@loggers = "spacy.ChainLogger.v1"

[training.logger.logger1]
@loggers = "spacy.ConsoleLogger.v3"

[training.logger.logger2]
@loggers = "spacy-xling.ConsoleLogger.v1"
console_output = false
output_file = ${paths.folder}/log.jsonl

[training.logger.logger3]
@loggers = "spacy-xling.TensorBoardLogger.v1"
folder = ${paths.folder}/board
"""


def make_work(folder):
    head, _ = SPACY.split('@loggers = "spacy.ConsoleLogger.v3"')
    folder.mkdir()
    return Work(head + CHAIN.lstrip(), folder, training__max_steps=5, training__eval_frequency=2)


def test_loggers_are_chained_in_a_training(tmp_path):
    work = make_work(tmp_path / "work")
    work.output.mkdir()
    stdout = io.StringIO()
    train(work.start(), work.output, stdout=stdout, stderr=io.StringIO())
    rows, events = work.rows(), read_events(work.folder / "board")
    assert [row["step"] for row in rows] == [0, 2, 4]
    assert "LOSS TAGGER" in stdout.getvalue()
    assert events["score"] == [(row["step"], pytest.approx(row["score"])) for row in rows]
    for key in ("tagger", "ner"):
        expected = [(row["step"], pytest.approx(row["losses"][key])) for row in rows]
        assert events[f"loss/Loss {key}"] == expected
    assert events["scores/tag_acc"] == [(r["step"], pytest.approx(r["scores"]["tag_acc"])) for r in rows]


def test_a_resumed_run_goes_on_in_each_log_of_a_chain(tmp_path, monkeypatch):
    whole, killed = make_work(tmp_path / "whole"), make_work(tmp_path / "killed")
    moments = count_moments(whole, monkeypatch)
    assert is_killed(killed, moments * 2 // 3, monkeypatch)
    assert 0 < len(killed.rows()) < 3
    killed.train(resume=True)
    assert killed.rows() == whole.rows()
    events, expected = (read_events(work.folder / "board") for work in (killed, whole))
    for scalars in (events, expected):
        del scalars["scores/speed"]
    assert events == expected
    assert [step for step, _ in events["score"]] == [0, 2, 4]


def test_a_resumed_run_leaves_a_log_that_it_has_not_begun(tmp_path, monkeypatch):
    work = make_work(tmp_path / "work")
    old = work.folder / "board" / "events.out.tfevents.1"
    old.parent.mkdir()
    old.write_text("old")
    assert is_killed(work, 25, monkeypatch)
    work.train(resume=True)
    assert [path.read_text() for path in old.parent.iterdir()] == ["old"]


def test_existing_output_file_is_kept_and_a_warning_printed(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text("old\n")
    lines = run_logger(make_nlp(xling_textcat=make_pipe(TERMS)), STEPS, output_file=str(path))
    assert "Saving logs is disabled" in lines[0]
    assert lines[-1].split()[:2] == ["1", "4"]
    assert path.read_text() == "old\n"


def test_an_output_file_that_cannot_be_written_is_X161(tmp_path):
    with pytest.raises(OSError, match=r"X161.*nowhere/run\.jsonl"):
        run_logger(make_nlp(xling_textcat=make_pipe(TERMS)), STEPS, output_file="/proc/nowhere/run.jsonl")


@pytest.mark.parametrize(("kind", "expected"), [("train", (40, 4)), ("eval", (10, 0))])
def test_progress_bar_counts_steps(kind, expected, monkeypatch):
    bars = []

    class Bar:
        def __init__(self, total, initial, **settings):
            self.span, self.steps, self.is_open = (total, initial), 0, True
            bars.append(self)

        def update(self, n):
            self.steps += n

        def close(self):
            self.is_open = False

    monkeypatch.setattr("spacy_xling.training.loggers.tqdm.tqdm", Bar)
    run_logger(make_nlp(xling_textcat=make_pipe(TERMS)), [*STEPS, None], progress_bar=kind)
    assert [bar.steps for bar in bars] == [3, 1]
    assert bars[1].span == expected
    assert not any(bar.is_open for bar in bars)


def test_unknown_progress_bar_is_refused():
    with pytest.raises(ValueError, match="X607"):
        build_console_logger_v1(progress_bar="epoch")


def test_losses_of_a_pipe_that_counts_its_calls_are_means_per_call(tmp_path):
    pipe = make_pipe(TERMS)
    pipe.updates_name = "xling_textcat_updates"
    # Two steps of three sub-batches each.
    losses = {"xling_textcat": 12.0, "xling_textcat_class": 6.0, "xling_textcat_updates": 6.0, "ner": 8.0}
    path = tmp_path / "log.jsonl"
    nlp = make_nlp(xling_textcat=pipe, ner=make_pipe())
    run_logger(nlp, [None, make_info(1, losses, cats_score=0.5)], output_file=path)
    written = json.loads(path.read_text())["losses"]
    assert written == {"xling_textcat": 2.0, "xling_textcat_class": 1.0, "xling_textcat_mlm": 0.0, "ner": 4.0}

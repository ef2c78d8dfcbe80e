import warnings

import pytest
from spacy.util import load_config_from_str
from thinc.api import Config

from spacy_xling.configs.render import Choices, render_config
from spacy_xling.training.step_counts import AVERAGES, SCHEDULE, follow_steps, warn_of_steps
from tests.training.test_loggers import make_nlp, make_pipe, run_logger

CONFIG = load_config_from_str(render_config(Choices(), "x.cfg"))


def changed(**changes):
    return CONFIG.copy().merge(Config({"training": changes}))


@pytest.mark.parametrize(
    ("overrides", "followed"),
    [
        ({"training.max_steps": 50}, {SCHEDULE: 50}),
        ({"training.max_steps": 50, "training.eval_frequency": 5}, {SCHEDULE: 50, AVERAGES: 5}),
        ({"training.max_steps": 50, SCHEDULE: 70}, {}),
        ({"training.max_steps": 50, "training.optimizer.learn_rate": 0.1}, {}),
        ({"training.max_steps": 0, "training.max_epochs": 3}, {}),
        ({"system.seed": 1}, {}),
    ],
)
def test_the_optimizers_steps_follow_those_of_the_loop(overrides, followed):
    assert follow_steps(CONFIG, overrides) == {**overrides, **followed}


def test_steps_that_differ_on_purpose_stay_as_they_are():
    config = changed(optimizer={"learn_rate": {"total_steps": 3000}})
    assert follow_steps(config, {"training.max_steps": 50}) == {"training.max_steps": 50}


def test_a_config_with_another_schedule_or_optimizer_is_left_alone():
    config = Config(
        {"training": {"max_steps": 5, "optimizer": {"@optimizers": "Adam.v1", "learn_rate": 0.1}}}
    )
    assert follow_steps(config, {"training.max_steps": 50}) == {"training.max_steps": 50}
    assert list(warn_of_steps(config)) == []


def test_steps_by_a_variable_are_looked_up():
    nlp = make_nlp(xling_textcat=make_pipe())
    nlp.config = CONFIG.copy().merge(Config({"vars": {"n": 50}, "training": {"max_steps": "${vars.n}"}}))
    with pytest.warns(UserWarning, match=r"W602.*training\.max_steps = 50"):
        run_logger(nlp, [])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"max_steps": 50}, "total_steps = 2000, and training.max_steps = 50"),
        ({"eval_frequency": 7, "optimizer": {"average_last": 2}}, "average_every = 200, and .* = 7"),
    ],
)
def test_steps_that_differ_are_W602_when_the_training_begins(changes, words):
    nlp = make_nlp(xling_textcat=make_pipe())
    nlp.config = changed(**changes)
    with pytest.warns(UserWarning, match=rf"W602.*{words}"):
        run_logger(nlp, [])


def test_steps_that_agree_or_do_not_matter_are_no_warning():
    nlp = make_nlp(xling_textcat=make_pipe())
    for config in (CONFIG, changed(eval_frequency=7), changed(max_steps=0)):
        nlp.config = config
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            run_logger(nlp, [])

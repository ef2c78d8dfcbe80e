"""Plans, and what is wrong with them."""

import json

import pytest
from spacy.util import load_config
from thinc.api import Config, ConfigValidationError

from spacy_xling.comparison.jobs import RUN_FILE, plan_jobs, require_same_plan
from spacy_xling.comparison.plan import read_plan
from tests.comparison.tiny import PLAN, make_plan, write_text


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_text(tmp_path_factory.mktemp("plan") / "text")


def test_settings_may_be_names_or_blocks(folder):
    written = {"paths.train": "x", "training": {"max_steps": 3, "optimizer.learn_rate": 0.1}}
    assert make_plan(folder, recipes__fast__settings=written).recipes["fast"].settings == {
        "paths.train": "x",
        "training.max_steps": 3,
        "training.optimizer.learn_rate": 0.1,
    }


def test_a_setting_of_a_recipe_comes_before_that_of_all(folder):
    text = PLAN.replace("[recipes.slow.settings]\ntraining.max_steps = 6\n", "")
    plan = make_plan(folder, text + "\n[settings.training]\nmax_steps = 5\n")
    steps = {recipe: plan.overrides(recipe, 7)["training.max_steps"] for recipe in plan.recipes}
    assert steps == {"slow": 5, "fast": 12}
    assert plan.overrides("slow", 7)["system.seed"] == 7


def test_runs_go_seed_by_seed(folder, tmp_path):
    jobs = plan_jobs(make_plan(folder), tmp_path).trainings
    found = [(job.name, job.seed, job.folder.relative_to(tmp_path).as_posix()) for job in jobs]
    assert found == [
        (recipe, seed, f"runs/{recipe}/{seed}") for seed in (0, 1) for recipe in ("slow", "fast")
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('[compare]\nsource = "en"\n', "X770"),
        (PLAN.replace("[recipes.fast", "[recipes.a/b"), "X771"),
        (PLAN.replace("[recipes.fast.settings]", 'encoder = "nowhere"\n[recipes.fast.settings]'), "X773"),
        (PLAN.replace("[0, 1]", "[1, 1]"), "X774"),
    ],
)
def test_a_plan_that_is_wrong_has_its_code(text, code):
    with pytest.raises(ValueError, match=code):
        make_plan("folder", text) if "[paths]" in text else read_plan(Config().from_str(text))


def test_a_plan_without_recipes_is_X770_with_the_section():
    text = PLAN.replace("[recipes", "[variants")
    with pytest.raises(ValueError, match=r"X770.*no section \[recipes\]; expected"):
        make_plan("folder", text)


@pytest.mark.parametrize(
    "change", [("seeds = [0, 1]", "seeds = []"), ("source", "sauce"), ("[0, 1]", '["x"]'), ("[0, 1]", "[-1]")]
)
def test_a_setting_of_the_wrong_kind_is_refused(change):
    with pytest.raises(ConfigValidationError):
        make_plan("folder", PLAN.replace(*change))


def test_a_setting_that_the_config_lacks_is_X772(folder, tmp_path):
    plan = make_plan(folder, PLAN.replace("training.max_steps = 12", "components.nobody.max_steps = 12"))
    with pytest.raises(ValueError, match=r"X772.*recipes\.fast.*nobody"):
        plan_jobs(plan, tmp_path)


def test_the_learning_rate_ends_where_a_recipe_does(tmp_path):
    folder = write_text(tmp_path / "text")
    schedule = '[training.optimizer.learn_rate]\n@schedules = "spacy-xling.warmup_linear.v1"\nvalue = 0.005\n'
    config = folder / "recipe.cfg"
    text = config.read_text().replace("learn_rate = 0.005\n", "")
    config.write_text(f"{text}{schedule}total_steps = {load_config(config)['training']['max_steps']}\n")
    plan = make_plan(folder, PLAN.replace("training.optimizer.learn_rate = 0.1\n", ""))
    jobs = plan_jobs(plan, tmp_path, max_steps={"slow": 9, "fast": 12}).trainings
    for job, steps in zip(jobs[:2], (9, 12), strict=True):
        training = job.plan["config"]["training"]
        assert (training["max_steps"], training["optimizer"]["learn_rate"]["total_steps"]) == (steps, steps)
        assert job.overrides["training.optimizer.learn_rate.total_steps"] == steps


def test_a_config_that_is_not_there_is_X772(folder, tmp_path):
    plan = make_plan(folder, recipes__slow__config=str(folder / "other.cfg"))
    with pytest.raises(ValueError, match=r"X772.*other\.cfg"):
        plan_jobs(plan, tmp_path)


def test_a_config_that_fixes_its_seed_is_X776(folder, tmp_path):
    fixed = folder / "fixed.cfg"
    fixed.write_text((folder / "recipe.cfg").read_text().replace("seed = ${system.seed}", "seed = 4"))
    with pytest.raises(ValueError, match=r"X776.*slow"):
        plan_jobs(make_plan(folder, recipes__slow__config=str(fixed)), tmp_path)


def begin(job, result="scores.json"):
    """A folder as a run leaves it."""
    job.folder.mkdir(parents=True)
    (job.folder / RUN_FILE).write_text(json.dumps({"plan": job.plan}))
    if result:
        (job.folder / result).write_text("{}")


def test_a_changed_plan_of_a_finished_run_is_X775_with_the_settings(folder, tmp_path):
    begin(plan_jobs(make_plan(folder), tmp_path).trainings[1])
    jobs = plan_jobs(
        make_plan(folder, recipes__fast__settings={"training.max_steps": 13}), tmp_path
    ).trainings
    require_same_plan(jobs[0])
    expected = r"X775.*fast, seed 0.*config\.training\.max_steps \(was 12, is 13\)"
    with pytest.raises(ValueError, match=expected):
        require_same_plan(jobs[1])


def test_changed_text_is_a_changed_plan(tmp_path):
    folder = write_text(tmp_path / "text")
    begin(plan_jobs(make_plan(folder), tmp_path / "out").trainings[0])
    for file, name in (("test/de.jsonl", "test.sha256"), ("train.jsonl", "files.train")):
        path = folder / file
        before = path.read_text()
        path.write_text(before.replace("REFUND", "REFUND "))
        with pytest.raises(ValueError, match=rf"X775.*{name}"):
            require_same_plan(plan_jobs(make_plan(folder), tmp_path / "out").trainings[0])
        path.write_text(before)
    require_same_plan(plan_jobs(make_plan(folder), tmp_path / "out").trainings[0])


def test_a_changed_plan_of_a_run_that_saved_nothing_is_no_matter(folder, tmp_path):
    begin(plan_jobs(make_plan(folder), tmp_path).trainings[0], result=None)
    jobs = plan_jobs(make_plan(folder, recipes__slow__settings={"training.max_steps": 3}), tmp_path).trainings
    assert jobs[0].plan["config"]["training"]["max_steps"] == 3
    require_same_plan(jobs[0])

import pytest
from thinc.api import Config, ConfigValidationError

from spacy_xling.pretraining.settings import resolve_settings


def test_the_shipped_config_resolves_and_each_setting_is_written_out(run_config):
    settings = resolve_settings(run_config())
    written = settings.plain["training"]
    assert set(written) == set(type(settings.training).model_fields)
    assert set(settings.plain["encoder"]) == set(type(settings.encoder).model_fields)
    assert settings.training.max_steps == 6
    assert settings.corpora.unlabelled.heldout_share == settings.corpora.parallel.heldout_share == 0.1


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("training.eval_frequency", 0),
        ("training.parallel_share", 1.5),
        ("training.batch_pieces", "many"),
        ("training.optimizer.beta1", 1.0),
        ("encoder.precision", "fp8"),
    ],
)
def test_a_setting_out_of_range_names_itself(run_config, setting, value):
    with pytest.raises(ConfigValidationError) as caught:
        resolve_settings(run_config(**{setting.replace(".", "__"): value}))
    assert any(setting.split(".")[-1] in str(error["loc"]) for error in caught.value.errors)


@pytest.mark.parametrize("section", ["encoder", "corpora", "training"])
def test_an_unknown_setting_names_itself(run_config, section):
    config = run_config()
    config[section]["max_step"] = 3
    with pytest.raises(ConfigValidationError, match="max_step"):
        resolve_settings(config)


def test_no_encoder_is_X711(run_config):
    with pytest.raises(ValueError, match=r"X711.*--paths\.encoder"):
        resolve_settings(run_config(paths__encoder=None))


def test_a_missing_section_is_X710():
    with pytest.raises(ValueError, match=r"X710.*corpora"):
        resolve_settings(Config({"encoder": {}, "training": {}, "masking": {}}))

"""An evaluation of two pipelines, with texts and labels that could do harm in a page."""

from dataclasses import replace

from spacy_xling.evaluation.bootstrap import Resampling
from spacy_xling.evaluation.records import Evaluation
from spacy_xling.evaluation.scoring import score_model
from spacy_xling.reporting.inputs import Closeness, Log
from tests.evaluation.simulated import exclusive

LANGUAGES = ("en", "da", "de_AT", "-")
HARM = "</script><script>document.title = 'harmed'</script><img src=x onerror=alert(1)> & \"'$x^2$"
LABELS = ("alarm/set", "<b>bold</b> & $cost$", "weather", "天気")


def evaluation(
    *, texts=240, kind=exclusive, names=("baseline", "joint"), warnings=(), mistakes=20, resamples=200
):
    models = {}
    for seed, name in enumerate(names):
        found = kind(texts, len(LABELS), languages=LANGUAGES, seed=seed)
        worded = [f"text {number} of {HARM if number % 7 == 0 else 'no harm'}" for number in range(texts)]
        found = replace(found, labels=LABELS, texts=worded)
        resampling = Resampling(resamples=resamples)
        models[name] = score_model(found, source="en", resampling=resampling, mistakes=mistakes)
    return Evaluation(models, "corpus/test", "en", 0.95, resamples, 0, list(warnings))


def closeness():
    return Closeness("models/mini", {"da": 0.05, "de_AT": 0.125, "fi": 0.5})


def logs():
    terms = {"xling_textcat_class": [2.0, 1.0, 0.5], "xling_textcat_mlm": [6.0, 4.0, 3.0]}
    return {"baseline": Log([100, 200, 300], terms, [0.25, 0.5, 0.75])}

"""The page in headless Chromium: `apt-get install chromium` brings it."""

import json
import re
import shutil
import subprocess
import time

import pytest

from spacy_xling.evaluation.bootstrap import Resampling
from spacy_xling.evaluation.records import Evaluation
from spacy_xling.evaluation.scoring import score_model
from spacy_xling.reporting.inputs import Extras
from spacy_xling.reporting.page import render_report
from spacy_xling.writing import write_file
from tests.evaluation.simulated import exclusive
from tests.reporting.examples import closeness, evaluation, logs

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")

# A page around the report, which uses it as a reader would and writes down what it sees.
HARNESS = """<!DOCTYPE html><meta charset="utf-8">
<iframe id="frame" style="width: WIDTHpx; height: 900px; border: 0"></iframe>
<pre id="found"></pre>
<script>
const frame = document.getElementById("frame");
frame.addEventListener("load", async () => {
  const page = frame.contentDocument, view = frame.contentWindow;
  const one = (selector) => page.querySelector(selector);
  const all = (selector) => [...page.querySelectorAll(selector)];
  const choose = (id, value) => {
    const control = page.getElementById(id);
    control.value = value;
    for (const name of ["input", "change"]) control.dispatchEvent(new view.Event(name, { bubbles: true }));
  };
  const shown = () => all(".mistakes tbody tr").filter((row) => !row.hidden);
  const found = {};
  try { STEPS } catch (error) { found.error = String(error); }
  document.getElementById("found").textContent = JSON.stringify(found);
});
frame.src = "report.html";
</script>"""


def run(folder, steps, *, width=1280, options=()):
    """Take steps in the page, and give what they found; nothing may be written to the console."""
    text = HARNESS.replace("WIDTH", str(width)).replace("STEPS", steps)
    (folder / "harness.html").write_text(text, encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    command += [
        "--enable-logging=stderr",
        "--virtual-time-budget=10000",
        f"--user-data-dir={folder / 'profile'}",
    ]
    command += ["--window-size=1400,1000", *options, "--dump-dom", (folder / "harness.html").as_uri()]
    result = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert [line for line in result.stderr.splitlines() if "CONSOLE" in line] == []
    (written,) = re.findall(r'<pre id="found">(.*?)</pre>', result.stdout, flags=re.DOTALL)
    found = json.loads(written.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert "error" not in found, found
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    write_file(folder / "report.html", render_report(evaluation(), Extras(closeness(), logs())))
    return folder


@pytest.fixture(scope="module")
def rows(folder):
    """The mistakes as numbers: pipeline, language, labels, given labels, text."""
    from spacy_xling.reporting.page import _labels_of_mistakes, mistake_rows

    found = evaluation()
    return mistake_rows(found, _labels_of_mistakes(found))


def test_it_opens_without_an_error_and_runs_its_own_script_alone(folder):
    found = run(
        folder,
        """found.title = page.title; found.script = page.documentElement.className;
        found.controls = all(".needs-script").map((part) => view.getComputedStyle(part).display);""",
    )
    assert found["title"] == "What transferred: baseline, joint"
    assert found["script"] == "script"
    assert "none" not in found["controls"]


def test_the_console_would_tell_of_an_error(folder):
    with pytest.raises(AssertionError, match="CONSOLE"):
        run(folder, 'view.console.error("wrong");')


def test_filters_show_what_fits(folder, rows):
    found = run(
        folder,
        """found.all = shown().length;
        choose("filter-language", "da"); found.danish = shown().length;
        found.count = one("#count").textContent;
        choose("filter-model", "1"); found.both = shown().length;
        choose("filter-gold", "2"); found.gold = shown().length;
        choose("filter-predicted", "0"); found.predicted = shown().length;
        one("#filters").reset(); await new Promise((done) => setTimeout(done, 50));
        found.reset = shown().length;
        choose("filter-text", "  ONERROR "); found.text = shown().length;
        found.texts = shown().map((row) => row.querySelector("th").textContent);
        choose("filter-text", "nowhere"); found.nothing = shown().length;
        found.none = one("#count").textContent;""",
    )
    assert found["all"] == found["reset"] == len(rows)
    danish = [row for row in rows if row.language == "da"]
    assert found["danish"] == len(danish)
    assert found["count"] == f"{len(danish)} of {len(rows)} mistakes"
    both = [row for row in danish if row.model == 1]
    assert found["both"] == len(both) > 0
    gold = [row for row in both if 2 in row.gold]
    assert found["gold"] == len(gold) > 0
    assert found["predicted"] == len([row for row in gold if 0 in row.predicted])
    expected = [row.text for row in rows if "onerror" in row.text]
    assert found["texts"] == expected
    assert found["nothing"] == 0
    assert found["none"] == f"0 of {len(rows)} mistakes"


def test_the_confusion_is_that_of_the_language_that_is_chosen(folder):
    found = run(
        folder,
        """const look = () => [0, 1, 2, 3].map((n) => one(`#confusion-1-number-${n}-${n} text`).textContent);
        const table = () => [...one("#confusion-1-title").closest("figure").querySelectorAll("tbody tr")]
          .map((row, n) => row.cells[n + 1].textContent);
        found.all = look(); choose("confusion-1-language", "da"); found.danish = look();
        found.table = table();
        found.opacity = view.getComputedStyle(one("#confusion-1-cell-0-0 path")).opacity;
        choose("confusion-1-language", ""); found.again = look();""",
    )
    scores = evaluation().models["joint"].languages
    diagonal = [str(scores["da"].confusion[n][n]) for n in range(4)]
    assert found["danish"] == found["table"] == diagonal
    share = scores["da"].confusion[0][0] / sum(scores["da"].confusion[0])
    assert float(found["opacity"]) == pytest.approx(share**0.5, abs=0.001)
    whole = [str(sum(score.confusion[n][n] for score in scores.values())) for n in range(4)]
    assert found["all"] == found["again"] == whole


PAGE_COLOUR = "const colour = () => view.getComputedStyle(page.body).backgroundColor;"


def test_the_theme_follows_the_system_and_the_switch(folder):
    steps = f"""{PAGE_COLOUR} found.system = colour(); choose("theme", "light"); found.light = colour();
        choose("theme", "dark"); found.dark = colour();
        found.text = view.getComputedStyle(one("svg text")).fill;
        choose("theme", ""); found.again = colour();"""
    bright = run(folder, steps)
    night = run(folder, steps, options=["--blink-settings=preferredColorScheme=0"])
    assert bright["light"] == night["light"] != bright["dark"] == night["dark"]
    assert bright["system"] == bright["again"] == bright["light"]
    assert night["system"] == night["again"] == bright["dark"]
    # Figures, too.
    assert bright["text"] == night["text"] == "rgb(163, 167, 174)"


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_is_no_wider_than_the_window(width, folder):
    found = run(
        folder,
        """found.width = page.documentElement.scrollWidth; found.inner = view.innerWidth;
        found.wide = all("#main *").filter((part) => !part.closest(".scroll")
          && part.getBoundingClientRect().right > view.innerWidth + 1)
          .map((part) => part.outerHTML.slice(0, 80));
        found.figures = [".canvas.desk", ".canvas.phone"]
          .map((name) => view.getComputedStyle(one(name)).display);""",
        width=width,
    )
    assert found["width"] <= found["inner"]
    assert found["wide"] == []
    assert found["figures"] == (["none", "block"] if width == 360 else ["block", "none"])


def test_what_can_be_reached_by_keyboard_shows_that_it_is(folder):
    found = run(
        folder,
        """const reached = all("a, select, input, button, summary, [tabindex='0']")
          .filter((part) => part.checkVisibility());
        found.count = reached.length;
        found.bare = reached.filter((part) => { part.focus({ focusVisible: true });
          return page.activeElement !== part || view.getComputedStyle(part).outlineStyle !== "solid"; })
          .map((part) => part.outerHTML.slice(0, 80));""",
    )
    assert found["count"] > 30
    assert found["bare"] == []


@pytest.mark.slow
def test_a_large_report_is_made_soon_small_and_opens_soon(tmp_path):
    """20 languages x 20 classes x 50,000 predictions: under 30 s, 5 MB and 2 s."""
    languages = ["en", *(f"l{number}" for number in range(19))]
    found = exclusive(50_000, 20, languages=languages, skill=1.0)
    start = time.process_time()
    model = score_model(found, source="en", resampling=Resampling(), mistakes=20)
    report = render_report(Evaluation({"one": model}, "test", "en", 0.95, 1000, 0, []))
    write_file(tmp_path / "report.html", report)
    assert time.process_time() - start < 30
    assert (tmp_path / "report.html").stat().st_size < 5e6
    timing = run(
        tmp_path,
        """await new Promise((done) => setTimeout(done, 0));
        const [entry] = view.performance.getEntriesByType("navigation"); found.ms = entry.loadEventEnd;
        found.rows = shown().length;""",
    )
    assert timing["rows"] == 400
    assert 0 < timing["ms"] < 2000

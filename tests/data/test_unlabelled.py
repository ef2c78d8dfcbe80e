import copy
import gzip
import json
import pickle
import subprocess
import sys
from collections import Counter
from itertools import islice

import pytest
import spacy
import srsly
from spacy.util import registry

from spacy_xling.data.sources import RawText
from spacy_xling.data.unlabelled import build_unlabelled_text_v1

# Prints seconds to the first text and the megabytes that the stream added to the peak after 20,000 texts.
MEASURE = """
import resource, sys, time
from pathlib import Path
from spacy_xling.data.unlabelled import build_unlabelled_text_v1

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before, start = peak(), time.perf_counter()
stream = build_unlabelled_text_v1(Path(sys.argv[1]))(None)
next(stream)
seconds = time.perf_counter() - start
for _ in range(20_000):
    next(stream)
print(seconds, peak() - before)
"""


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("xx")


def write(path, content):
    data = content.encode("utf-8")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def numbered(language, count):
    return [f"{language} text {number}" for number in range(count)]


def write_lines(path, lines):
    return write(path, "".join(f"{line}\n" for line in lines))


def write_jsonl(path, lines, field="text"):
    return write_lines(path, [json.dumps({field: line}) for line in lines])


@pytest.fixture
def folder(tmp_path):
    """Three languages of 23 (in two files), 7 and 40 texts."""
    folder = tmp_path / "raw"
    folder.mkdir()
    write_lines(folder / "da.txt", numbered("da", 20))
    write_jsonl(folder / "da.jsonl.gz", ["da a", "da b", "da c"])
    write_lines(folder / "nb.txt.gz", numbered("nb", 7))
    write_jsonl(folder / "sv.jsonl", numbered("sv", 40))
    return folder


def stream_of(path, **settings):
    return build_unlabelled_text_v1(path, **settings)(None)


def take(stream, count):
    return list(islice(stream, count))


def texts_of(stream, count):
    return [raw.text for raw in take(stream, count)]


def test_reader_can_be_built_from_a_config(nlp, folder):
    config = {"@readers": "spacy-xling.UnlabelledText.v1", "path": str(folder), "languages": ["nb"]}
    reader = registry.resolve({"unlabelled": config})["unlabelled"]
    assert next(reader(nlp)).language == "nb"


@pytest.mark.parametrize("name", ["da.txt", "da.txt.gz", "da.jsonl", "da.jsonl.gz"])
def test_buffer_of_1_gives_the_lines_in_order_again_and_again(tmp_path, name):
    lines = ["først", "så", "til sidst"]
    path = (write_jsonl if "jsonl" in name else write_lines)(tmp_path / name, lines)
    expected = [RawText(line, None) for line in lines]
    assert take(stream_of(path, shuffle_buffer=1), 7) == expected * 2 + expected[:1]


def test_blank_lines_are_skipped(tmp_path):
    path = write(tmp_path / "da.txt", "\n  \na\r\n\nb\n\n")
    assert texts_of(stream_of(path, shuffle_buffer=1), 4) == ["a", "b", "a", "b"]
    path = write(tmp_path / "da.jsonl", '\n{"text": "a"}\n\n{"text": " "}\n')
    assert texts_of(stream_of(path, shuffle_buffer=1), 2) == ["a", "a"]


def test_jsonl_is_read_from_the_field_that_is_set(tmp_path):
    path = write_jsonl(tmp_path / "da.jsonl", ["a"], field="body")
    assert texts_of(stream_of(path, text="body"), 1) == ["a"]


@pytest.mark.parametrize("shuffle_buffer", [1, 2, 10, 30, 1000])
def test_each_pass_gives_each_text_once(tmp_path, shuffle_buffer):
    lines = numbered("da", 30)
    stream = stream_of(write_lines(tmp_path / "da.txt", lines), shuffle_buffer=shuffle_buffer)
    for _ in range(3):
        assert sorted(texts_of(stream, 30)) == sorted(lines)


def test_passes_are_shuffled_differently(tmp_path):
    lines = numbered("da", 30)
    stream = stream_of(write_lines(tmp_path / "da.txt", lines), shuffle_buffer=30)
    first, second = texts_of(stream, 30), texts_of(stream, 30)
    assert first != lines
    assert first != second


def test_a_buffer_as_large_as_the_file_puts_each_text_anywhere(tmp_path):
    path = write_lines(tmp_path / "da.txt", ["a", "b", "c"])
    stream = stream_of(path, shuffle_buffer=3)
    orders = Counter("".join(texts_of(stream, 3)) for _ in range(3000))
    assert len(orders) == 6
    for count in orders.values():
        assert count / 3000 == pytest.approx(1 / 6, abs=0.03)


def test_no_text_comes_earlier_than_the_buffer_reaches(tmp_path):
    lines = numbered("da", 100)
    stream = stream_of(write_lines(tmp_path / "da.txt", lines), shuffle_buffer=5)
    for position, text in enumerate(texts_of(stream, 100)):
        assert lines.index(text) < position + 5


def test_same_seed_same_texts_and_other_seed_others(folder):
    first, same, other = (take(stream_of(folder, seed=seed), 60) for seed in (1, 1, 2))
    assert first == same
    assert first != other


def test_shares_count_all_files_of_a_language(folder):
    assert stream_of(folder, alpha=1).shares == pytest.approx({"da": 23 / 70, "nb": 7 / 70, "sv": 40 / 70})


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_languages_are_drawn_as_often_as_their_shares_say(folder, alpha):
    stream = stream_of(folder, alpha=alpha)
    powers = {"da": 23**alpha, "nb": 7**alpha, "sv": 40**alpha}
    drawn = Counter(raw.language for raw in take(stream, 6000))
    for language, power in powers.items():
        assert drawn[language] / 6000 == pytest.approx(power / sum(powers.values()), abs=0.025)


def test_each_text_comes_with_its_own_language(folder):
    raws = take(stream_of(folder), 200)
    assert {raw.language for raw in raws} == {"da", "nb", "sv"}
    assert all(raw.text.startswith(raw.language) for raw in raws)


def test_languages_picks_some(folder):
    stream = stream_of(folder, languages=["sv", "nb"])
    assert {raw.language for raw in take(stream, 100)} == {"nb", "sv"}


@pytest.mark.parametrize("languages", [None, []])
def test_no_languages_picks_all(folder, languages):
    assert set(stream_of(folder, languages=languages).shares) == {"da", "nb", "sv"}


def test_language_names_that_of_a_single_file(folder):
    assert next(stream_of(folder / "da.txt")).language is None
    for language in ("da", " da\u00a0"):
        assert next(stream_of(folder / "da.txt", language=language, languages=["da"])).language == "da"


@pytest.mark.parametrize("shuffle_buffer", [1, 4, 1000])
def test_restored_state_goes_on_exactly_from_any_point(folder, shuffle_buffer):
    settings = {"shuffle_buffer": shuffle_buffer, "alpha": 0.5}
    expected = take(stream_of(folder, **settings, seed=3), 210)
    stream = stream_of(folder, **settings, seed=3)
    # 150 texts are more than one pass over each language, so points lie on all sides of the file ends.
    for point in range(150):
        restored = stream_of(folder, **settings, seed=99)
        restored.load_state_dict(json.loads(json.dumps(stream.state_dict())))
        assert take(restored, 60) == expected[point : point + 60]
        assert next(stream) == expected[point]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_state_is_restored_into_a_stream_that_has_moved_on(tmp_path, suffix):
    path = write_lines(tmp_path / f"da.txt{suffix}", numbered("da", 50))
    stream = stream_of(path, shuffle_buffer=8)
    take(stream, 20)
    state = stream.state_dict()
    expected = take(stream, 120)
    stream.load_state_dict(state)
    assert take(stream, 120) == expected


def test_state_survives_every_format_that_srsly_writes(folder):
    stream = stream_of(folder)
    take(stream, 10)
    state = stream.state_dict()
    assert srsly.json_loads(srsly.json_dumps(state)) == state
    assert srsly.msgpack_loads(srsly.msgpack_dumps(state)) == state


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda stream: pickle.loads(pickle.dumps(stream))])
def test_copy_of_a_running_stream_goes_on_by_itself(folder, duplicate):
    stream = stream_of(folder, shuffle_buffer=4)
    take(stream, 25)
    twin = duplicate(stream)
    assert take(twin, 150) == take(stream, 150)


def test_each_call_of_the_reader_starts_a_new_stream(folder):
    reader = build_unlabelled_text_v1(folder)
    first = reader(None)
    assert take(first, 30) == take(reader(None), 30)


@pytest.mark.parametrize("change", ["name", "language", "length"])
def test_state_of_other_files_is_an_error(folder, change):
    state = stream_of(folder).state_dict()
    if change == "name":
        (folder / "da.txt").rename(folder / "da.web.txt")
    elif change == "language":
        (folder / "nb.txt.gz").unlink()
    else:
        write_lines(folder / "da.txt", numbered("da", 21))
    stream = stream_of(folder)
    with pytest.raises(ValueError, match="X134"):
        stream.load_state_dict(state)
    assert take(stream, 20) == take(stream_of(folder), 20)


def test_path_none_is_an_error_when_called_and_not_before(nlp):
    reader = build_unlabelled_text_v1(None)
    with pytest.raises(ValueError, match=r"X105.*paths\.unlabelled is not set"):
        reader(nlp)


def test_missing_language_is_an_error_that_names_those_found(folder):
    with pytest.raises(ValueError, match=r"X130.*\['fi'\].*'da', 'nb', 'sv'"):
        stream_of(folder, languages=["da", "fi"])


def test_language_of_a_folder_is_an_error(folder):
    with pytest.raises(ValueError, match="X131"):
        stream_of(folder, language="da")


@pytest.mark.parametrize("name", ["fi.txt", "fi.txt.gz", "fi.jsonl"])
def test_language_without_text_is_an_error_at_the_start(folder, name):
    write(folder / name, "\n  \n\n")
    with pytest.raises(ValueError, match=r"X132.*fi"):
        stream_of(folder)


def test_a_file_without_text_is_passed_over_if_another_has_some(folder):
    write(folder / "nb.a.txt", "\n\n")
    assert next(stream_of(folder, languages=["nb"])).language == "nb"


@pytest.mark.parametrize("alpha", [-0.1, 1.5])
def test_alpha_outside_0_to_1_is_an_error_when_built(alpha):
    with pytest.raises(ValueError, match="X102"):
        build_unlabelled_text_v1(None, alpha=alpha)


def test_shuffle_buffer_below_1_is_an_error_when_built():
    with pytest.raises(ValueError, match="X133"):
        build_unlabelled_text_v1(None, shuffle_buffer=0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": ', "X112"),
        ('"a"', "X113"),
        ('{"body": "a"}', "X114"),
        ('{"text": 1}', "X115"),
        (r'{"text": "\ud800"}', "X116"),
    ],
)
def test_broken_line_is_an_error_with_file_and_line(tmp_path, line, message):
    path = write(tmp_path / "da.jsonl", f'{{"text": "a"}}\n\n{line}\n')
    stream = stream_of(path, shuffle_buffer=1)
    with pytest.raises(ValueError, match=rf"{message}.*da\.jsonl, line 3"):
        next(stream)


def test_undecodable_line_is_an_error_with_file_and_line(tmp_path):
    path = tmp_path / "da.txt"
    path.write_bytes(b"a\nb\xe5\n")
    with pytest.raises(ValueError, match=r"X111.*da\.txt, line 2"):
        stream_of(path)


@pytest.mark.parametrize("lines", [200_000, pytest.param(2_000_000, marks=pytest.mark.slow)])
def test_large_corpus_starts_fast_in_constant_memory(tmp_path, lines):
    path = tmp_path / "da.txt"
    with path.open("w", encoding="utf-8") as handle:
        for number in range(lines):
            handle.write(f"Det her er tekst nummer {number} af en hel masse af dem\n")
    command = [sys.executable, "-c", MEASURE, str(path)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seconds, megabytes = map(float, output.split())
    assert seconds < 10
    # The small file itself has 11 MB: a stream that held its texts would add more.
    assert megabytes < 10 if lines == 200_000 else megabytes < 150

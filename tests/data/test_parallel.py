import gzip
from itertools import islice

import pytest

from spacy_xling.data.heldout import is_heldout
from spacy_xling.data.parallel import build_parallel_text_v1
from spacy_xling.data.sources import TextPair
from spacy_xling.data.unlabelled import build_unlabelled_text_v1


def write_pairs(path, pairs):
    lines = "".join(f"{first}\t{second}\n" for first, second in pairs)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(lines.encode()))
    else:
        path.write_text(lines, encoding="utf-8")


DANISH = [(f"parcel {n}", f"pakke {n}") for n in range(40)]
GERMAN = [(f"parcel {n}", f"Paket {n}") for n in range(160)]


@pytest.fixture
def folder(tmp_path):
    write_pairs(tmp_path / "en-da.tsv", DANISH)
    write_pairs(tmp_path / "en-de.tsv.gz", GERMAN)
    return tmp_path


def test_read_gives_every_pair_once_with_the_name_of_its_file(folder):
    expected = [TextPair(a, b, "en-da") for a, b in DANISH] + [TextPair(a, b, "en-de") for a, b in GERMAN]
    assert list(build_parallel_text_v1(folder).read()) == expected


def test_a_pass_of_the_stream_gives_every_pair_once(folder):
    stream = build_parallel_text_v1(folder, pairs=["en-da"], shuffle_buffer=7)()
    drawn = [(pair.first, pair.second) for pair in islice(stream, len(DANISH))]
    assert sorted(drawn) == sorted(DANISH)
    assert drawn != DANISH


def test_files_are_drawn_by_their_size_to_the_power_of_alpha(folder):
    stream = build_parallel_text_v1(folder, alpha=0.5)()
    drawn = [pair.languages for pair in islice(stream, 3000)]
    # 40 ** 0.5 : 160 ** 0.5 is 1 : 2.
    assert abs(drawn.count("en-da") / 3000 - 1 / 3) < 0.04
    assert stream.lines == {"en-da": 40, "en-de": 160}


def test_ranks_draw_in_orders_of_their_own_and_one_rank_in_one(folder):
    reader = build_parallel_text_v1(folder)
    first, again, second = ([pair.first for pair in islice(reader(rank=rank), 50)] for rank in (0, 0, 1))
    assert first == again
    assert first != second


def test_a_restored_stream_goes_on_where_it_was_saved(folder):
    stream = build_parallel_text_v1(folder, shuffle_buffer=10)()
    list(islice(stream, 33))
    state = stream.state_dict()
    following = list(islice(stream, 60))
    other = build_parallel_text_v1(folder, shuffle_buffer=10)()
    other.load_state_dict(state)
    assert list(islice(other, 60)) == following


def test_a_pair_is_held_out_if_either_side_is(folder):
    share = 0.2
    kept = {pair for pair in GERMAN if not any(is_heldout(side, share) for side in pair)}
    assert 0 < len(kept) < len(GERMAN)
    stream = build_parallel_text_v1(folder, pairs=["en-de"], heldout_share=share)()
    assert {(pair.first, pair.second) for pair in islice(stream, 2 * len(kept))} == kept


def test_raw_text_and_parallel_text_hold_out_the_same_texts(tmp_path, folder):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "de.txt").write_text("\n".join(side for _, side in GERMAN), encoding="utf-8")
    raw = build_unlabelled_text_v1(tmp_path / "raw", heldout_share=0.2)
    heldout = raw.read_heldout(1000)["de"]
    assert heldout == [side for _, side in GERMAN if is_heldout(side, 0.2)]
    stream = build_parallel_text_v1(folder, pairs=["en-de"], heldout_share=0.2)()
    assert not {pair.second for pair in islice(stream, 400)} & set(heldout)


@pytest.mark.parametrize(
    "line", ["one column only", "three\tcolumns\there", "\tno first", "no second\t", "no second\t  "]
)
def test_a_line_without_two_texts_is_X135_with_file_and_line(tmp_path, line):
    (tmp_path / "en-da.tsv").write_text(f"a parcel\ten pakke\n\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"X135.*en-da\.tsv, line 3"):
        list(build_parallel_text_v1(tmp_path).read())


def test_a_name_that_is_not_there_is_X138(folder):
    with pytest.raises(ValueError, match=r"X138.*en-xx.*en-da"):
        build_parallel_text_v1(folder, pairs=["en-xx"])()


def test_two_files_of_one_name_are_X139(folder):
    write_pairs(folder / "en-da.tsv.gz", DANISH)
    with pytest.raises(ValueError, match="X139"):
        build_parallel_text_v1(folder)()


def test_no_path_is_X137():
    with pytest.raises(ValueError, match="X137"):
        build_parallel_text_v1(None)()

import gzip
import os
import pickle

import pytest

from spacy_xling.data.files import (
    BLOCK,
    LineReader,
    TextFile,
    count_lines,
    find_files,
    require_apart,
    require_new_files,
)


def write(path, content):
    data = content if isinstance(content, bytes) else content.encode("utf-8")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def text_file(path):
    return find_files(path)[0]


def test_one_file_has_no_language(tmp_path):
    path = write(tmp_path / "da.jsonl", "{}\n")
    assert find_files(path, ["jsonl"]) == [TextFile(path, None, "jsonl")]


def test_folder_gives_files_sorted_with_language_and_kind(tmp_path):
    for name in ("sv.txt", "da.jsonl.gz", "pt-BR.web.tsv", "da.csv", "nb.SPACY", ".da.txt.swp", "README.md"):
        write(tmp_path / name, "x\n")
    (tmp_path / "more.txt").mkdir()
    found = [(file.path.name, file.language, file.kind) for file in find_files(tmp_path)]
    assert found == [
        ("da.csv", "da", "csv"),
        ("da.jsonl.gz", "da", "jsonl"),
        ("nb.SPACY", "nb", "spacy"),
        ("pt-BR.web.tsv", "pt-BR", "tsv"),
        ("sv.txt", "sv", "txt"),
    ]


def test_folder_gives_only_the_accepted_kinds(tmp_path):
    write(tmp_path / "da.csv", "x\n")
    write(tmp_path / "da.txt", "x\n")
    assert [file.kind for file in find_files(tmp_path, ["txt"])] == ["txt"]


def test_missing_path_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="X106"):
        find_files(tmp_path / "nowhere")


def test_folder_without_a_known_kind_says_what_was_found(tmp_path):
    write(tmp_path / "da.docx", "x")
    with pytest.raises(ValueError, match=r"X107.*da\.docx"):
        find_files(tmp_path)


def test_folder_with_many_unknown_files_names_the_first_ten(tmp_path):
    for number in range(12):
        write(tmp_path / f"{number:02}.docx", "x")
    with pytest.raises(ValueError, match=r"X107.*09\.docx and 2 more"):
        find_files(tmp_path)


def test_empty_folder_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"X107.*no file"):
        find_files(tmp_path)


@pytest.mark.parametrize("name", ["da.docx", "da", "da.gz"])
def test_unknown_suffix_is_an_error(tmp_path, name):
    with pytest.raises(ValueError, match="X108"):
        find_files(write(tmp_path / name, "x"))


@pytest.mark.parametrize("name", ["da.txt", "da.txt.gz"])
def test_empty_file_is_an_error(tmp_path, name):
    with pytest.raises(ValueError, match="X109"):
        find_files(write(tmp_path / name, ""))


def test_file_that_is_not_gzip_is_an_error(tmp_path):
    path = tmp_path / "da.txt.gz"
    path.write_bytes(b"plain text\n")
    with pytest.raises(ValueError, match="X110"):
        find_files(path)


@pytest.mark.parametrize("read", [count_lines, lambda file: list(LineReader(file))])
def test_truncated_gzip_is_an_error(tmp_path, read):
    path = tmp_path / "da.txt.gz"
    packed = gzip.compress(b"".join(b"line %d\n" % number for number in range(20_000)))
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(ValueError, match="X110"):
        read(text_file(path))


@pytest.mark.parametrize(
    ("content", "lines"), [("a", 1), ("a\n", 1), ("a\n\nb", 3), ("a\r\nb\r\n", 2), ("x" * BLOCK + "\ny", 2)]
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_count_lines_is_the_number_of_lines_read(tmp_path, content, lines, suffix):
    file = text_file(write(tmp_path / f"da.txt{suffix}", content))
    assert count_lines(file) == lines
    assert len(list(LineReader(file))) == lines


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_line_reader_gives_text_without_byte_order_mark(tmp_path, suffix):
    file = text_file(write(tmp_path / f"da.txt{suffix}", b"\xef\xbb\xbfbl\xc3\xa5\nr\xc3\xb8d"))
    assert list(LineReader(file)) == ["blå\n", "rød"]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_line_reader_goes_on_from_an_offset(tmp_path, suffix):
    file = text_file(write(tmp_path / f"da.txt{suffix}", "blå\nrød\ngrøn\n"))
    reader = LineReader(file)
    next(reader)
    again = LineReader(file, offset=reader.offset, line=reader.line)
    assert (reader.offset, reader.line) == (5, 1)
    assert list(again) == list(reader) == ["rød\n", "grøn\n"]


def test_line_reader_can_be_pickled_while_open(tmp_path):
    reader = LineReader(text_file(write(tmp_path / "da.txt", "a\nb\nc\n")))
    next(reader)
    assert list(pickle.loads(pickle.dumps(reader))) == ["b\n", "c\n"]


def test_undecodable_line_is_an_error_with_file_and_line(tmp_path):
    reader = LineReader(text_file(write(tmp_path / "da.txt", b"good\nbl\xe5\n")))
    assert next(reader) == "good\n"
    with pytest.raises(ValueError, match=r"X111.*da\.txt, line 2"):
        next(reader)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_where_a_folder_is_or_within_a_file_is_X145(tmp_path, overwrite):
    (tmp_path / "folder").mkdir()
    file = write(tmp_path / "file", "x\n")
    with pytest.raises(ValueError, match=r"X145.*folder is a folder"):
        require_new_files([tmp_path / "folder"], overwrite=overwrite)
    with pytest.raises(ValueError, match=r"X145.*file is a file"):
        require_new_files([tmp_path / "new", file / "sub" / "new"], overwrite=overwrite)


def test_a_file_that_is_there_is_X142_but_for_overwrite(tmp_path):
    file = write(tmp_path / "file", "x\n")
    with pytest.raises(ValueError, match=r"X142.*file exists already"):
        require_new_files([tmp_path / "new" / "folder" / "new", file])
    require_new_files([tmp_path / "new", file], overwrite=True)


def test_a_file_twice_is_X172(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "a.json")
    for twin in (tmp_path / "a.json", tmp_path / "sub" / ".." / "a.json", tmp_path / "link"):
        with pytest.raises(ValueError, match=r"X172.*a\.json"):
            require_new_files([tmp_path / "a.json", twin], overwrite=True)
    require_new_files([tmp_path / "a.json", tmp_path / "b.json"])


def test_what_is_read_is_not_replaced_X173(tmp_path):
    (tmp_path / "text").mkdir()
    text = write(tmp_path / "text" / "da.txt", "hej\n")
    (tmp_path / "link").symlink_to(text)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, read in ((text, text), (text, tmp_path / "text"), (tmp_path / "link", tmp_path / "text")):
        with pytest.raises(ValueError, match=rf"X173.*{path.name}"):
            require_new_files([path], overwrite=True, inputs=[None, tmp_path / "other", read])
    # A new file beside the texts replaces none, nor does one whose name begins alike.
    write(tmp_path / "text2", "x")
    for path in (tmp_path / "text" / "scores.json", tmp_path / "text2", tmp_path / "loop"):
        require_new_files([path], overwrite=True, inputs=[tmp_path / "text"])


def test_a_folder_that_is_not_read_is_replaced(tmp_path):
    for name in ("out/x", "texts/out/x", "texts/de.txt", "texts/config.cfg", "texts/scores.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / name, "x\n")
    texts, out = tmp_path / "texts", tmp_path / "out"
    for folder in (out, texts / "out"):
        require_apart(folder, [None, texts, tmp_path / "nowhere"])
    for path in (texts / "scores.json", texts / "out" / "x"):
        require_new_files([path], overwrite=True, inputs=[texts])
    # A text that lies there is read by way of a link.
    (texts / "da.txt").symlink_to(out / "x")
    with pytest.raises(ValueError, match="X173"):
        require_apart(out, [texts])
    # All files of a checkpoint are its own, and its folders aren't; those of a pipeline are, too.
    write(texts / "config.json", "{}")
    require_apart(texts / "out", [texts])
    with pytest.raises(ValueError, match="X173"):
        require_new_files([texts / "scores.json"], overwrite=True, inputs=[texts])
    write(texts / "meta.json", "{}")
    for refuse in (
        lambda: require_apart(texts / "out", [texts]),
        lambda: require_new_files([texts / "out" / "x"], overwrite=True, inputs=[texts]),
    ):
        with pytest.raises(ValueError, match="X173"):
            refuse()


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_lines_that_end_in_a_carriage_return_alone_are_X166(tmp_path, suffix):
    for content in ("a\rb\rc", "a\rb\r", "a\r" * BLOCK):
        with pytest.raises(ValueError, match=r"X166.*da\.txt"):
            find_files(write(tmp_path / f"da.txt{suffix}", content))
    for content in ("a\r", "a\rb\n", "a\r\nb\r\n"):
        assert find_files(write(tmp_path / f"da.txt{suffix}", content))
    # A DocBin has no lines.
    assert find_files(write(tmp_path / f"da.spacy{suffix}", b"a\rb"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_X167(tmp_path, encoding):
    with pytest.raises(ValueError, match=r"X167.*da\.txt"):
        find_files(write(tmp_path / "da.txt", "hej\nmed dig\n".encode(encoding)))


def test_a_file_that_the_system_refuses_is_X168(tmp_path, monkeypatch):
    write(tmp_path / "da.txt", "hej\n")

    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    for function in ("open", "is_dir"):
        with monkeypatch.context() as patch:
            patch.setattr(f"pathlib.Path.{function}", refuse)
            with pytest.raises(ValueError, match=r"X168.*da\.txt.*Permission denied"):
                find_files(tmp_path / "da.txt")
    with pytest.raises(ValueError, match="X168"):
        find_files(tmp_path / ("n" * 256 + ".txt"))
    with pytest.raises(OSError, match="X161"):
        require_new_files([tmp_path / ("n" * 256)])


def test_blanks_around_a_name_are_not_of_the_language_and_half_a_character_is_X170(tmp_path):
    write(tmp_path / "da .txt", "hej\n")
    assert find_files(tmp_path)[0].language == "da"
    write(tmp_path / os.fsdecode(b"d\xff.txt"), "hej\n")
    with pytest.raises(ValueError, match=r"X170.*'d\\udcff\.txt'"):
        find_files(tmp_path)
    # One of another kind is passed over.
    (tmp_path / os.fsdecode(b"d\xff.txt")).rename(tmp_path / os.fsdecode(b"d\xff.md"))
    assert len(find_files(tmp_path)) == 1


def test_a_long_first_line_with_a_carriage_return_inside_is_a_line(tmp_path):
    (tmp_path / "da.txt").write_bytes(b"x" * 2_000_000 + b"\ry\nz\n")
    (file,) = find_files(tmp_path, ["txt"])
    assert count_lines(file) == 2

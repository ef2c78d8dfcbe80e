import base64
import hashlib
import importlib.metadata
import zipfile
from pathlib import Path

import pytest

from spacy_xling import __version__
from spacy_xling.exporting.serving_wheel import write_serving_wheel

ROOT = Path(__file__).parents[2]
VERSION = f"{__version__}+serving"
WHEEL = f"spacy_xling-{VERSION}-py3-none-any.whl"
INFO = f"spacy_xling-{VERSION}.dist-info"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The file of a wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    assert write_serving_wheel(folder) == f"spacy-xling=={VERSION}"
    return folder / WHEEL


@pytest.fixture(scope="module")
def files(wheel):
    """Its files, by name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def described(wheel):
    """The wheel as Python's own library reads it."""
    (found,) = importlib.metadata.distributions(path=[str(wheel)])
    return found


def test_it_requires_what_serves_alone(described):
    assert (described.name, described.version) == ("spacy-xling", VERSION)
    served = ("spacy<", "numpy<", "onnxruntime<", "tokenizers<")
    declared = importlib.metadata.requires("spacy-xling")
    expected = {line.partition(";")[0].strip() for line in declared if line.startswith(served)}
    assert len(expected) == len(served)
    assert set(described.requires) == expected
    assert described.metadata["Requires-Python"] == ">=3.10"
    assert "Provides-Extra" not in described.metadata


def test_its_files_are_the_packages(files):
    paths = [path for path in (ROOT / "spacy_xling").rglob("*.*") if path.suffix != ".pyc"]
    expected = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in paths}
    assert {name: files[name] for name in files if not name.startswith(INFO)} == expected


def test_its_entry_points_and_licence_are_those_installed(described):
    installed = importlib.metadata.distribution("spacy-xling")
    assert "xling_textcat" in described.entry_points.names
    assert set(described.entry_points) == set(installed.entry_points)
    assert described.read_text("licenses/LICENSE") == (ROOT / "LICENSE").read_text()


def test_its_record_has_each_file_with_its_hash(files, described):
    assert {str(file) for file in described.files} == set(files)
    for file in described.files:
        if file.name == "RECORD":
            assert (file.hash, file.size) == (None, None)
            continue
        content = files[str(file)]
        digest = hashlib.new(file.hash.mode, content).digest()
        assert base64.urlsafe_b64decode(file.hash.value + "=") == digest
        assert (file.hash.mode, file.size) == ("sha256", len(content))

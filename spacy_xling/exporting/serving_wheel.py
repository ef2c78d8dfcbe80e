"""A wheel of this very package that requires only what serves an exported pipeline.

Its version has a local label, as 0.2.0+serving: an index has none with it, and ranges such as >=0.2.0,<0.3.0
hold it.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib.metadata import Distribution, distribution, version
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from spacy.util import split_requirement

from .. import __version__

NAME = "spacy-xling"
LABEL = "+serving"
PACKAGE = Path(__file__).parents[1]
# Of the files there, those that an installed package has.
SUFFIXES = {".py", ".typed", ".jinja", ".css", ".js"}
# Of the package's requirements, those of serving and evaluating; what else these import, spaCy requires.
SERVING = ("spacy", "numpy", "onnxruntime", "tokenizers")
# Of its metadata, what stays as it is.
FIELDS = ("Metadata-Version", "Name", "Summary", "License", "License-File", "Requires-Python")
WHEEL = "Wheel-Version: 1.0\nGenerator: spacy-xling\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def is_serving() -> bool:
    """Whether such a wheel is what is installed."""
    return version(NAME).endswith(LABEL)


def write_serving_wheel(folder: Path) -> str:
    """Write the wheel, from the files and the metadata of the package that runs. The same ones give the same
    bytes.

    folder (Path): Where to write it.
    RETURNS (str): What to install, as "spacy-xling==0.2.0+serving".
    RAISES (OSError): It can't be written.
    """
    installed = distribution(NAME)
    stem = f"spacy_xling-{__version__}{LABEL}"
    info = f"{stem}.dist-info"
    files = {
        path.relative_to(PACKAGE.parent).as_posix(): path.read_bytes()
        for path in sorted(PACKAGE.rglob("*"))
        if path.suffix in SUFFIXES
    }
    files[f"{info}/METADATA"] = _metadata(installed).encode("utf8")
    files[f"{info}/WHEEL"] = WHEEL.encode("utf8")
    files[f"{info}/entry_points.txt"] = (installed.read_text("entry_points.txt") or "").encode("utf8")
    # In a checkout it lies beside what describes the package.
    licence = installed.read_text("licenses/LICENSE") or installed.read_text("../LICENSE") or ""
    files[f"{info}/licenses/LICENSE"] = licence.encode("utf8")
    record = [*map(_record_line, files, files.values()), f"{info}/RECORD,,\n"]
    files[f"{info}/RECORD"] = "".join(record).encode("utf8")
    with ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        for name, content in files.items():
            # A member that is made so has the same date at any time.
            member = ZipInfo(name)
            member.external_attr = 0o644 << 16
            archive.writestr(member, content, ZIP_DEFLATED)
    return f"{NAME}=={__version__}{LABEL}"


def _metadata(installed: Distribution) -> str:
    known = installed.metadata
    fields = [(name, known[name]) for name in FIELDS if name in known]
    # Not spacy[cuda12x], which is an extra's.
    required = [split_requirement(line) for line in installed.requires or () if "[" not in line]
    fields += [("Requires-Dist", f"{name}{versions}") for name, versions in required if name in SERVING]
    return "".join(f"{name}: {value}\n" for name, value in [*fields, ("Version", f"{__version__}{LABEL}")])


def _record_line(name: str, content: bytes) -> str:
    digest = urlsafe_b64encode(sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"

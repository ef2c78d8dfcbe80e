"""A trained pipeline, or its classifier as a checkpoint, to the model hub, with a model card."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import Errors, one_line
from ..evaluation.by_language import load_pipeline
from ..evaluation.calibration import find_component
from .model_card import TAG, Described, format_card, read_scores
from .to_transformers import Exported, export_transformers, find_score_losses

CARD = "README.md"
# The hub's own, which says how it stores the others.
ATTRIBUTES = ".gitattributes"
# The most files that an error names.
SHOWN = 5


class Pushed(NamedTuple):
    """What was pushed.

    url (str): Where it is.
    private (bool): Whether the repository is private.
    files (list[str]): Names of the files.
    exported (Exported | None): What of the pipeline a checkpoint holds; None for the pipeline itself.
    """

    url: str
    private: bool
    files: list[str]
    exported: Exported | None


def push(
    model: Path,
    repo: str,
    *,
    for_transformers: bool = False,
    component: str | None = None,
    scores: Path | None = None,
    license: str | None = None,
    public: bool = False,
    overwrite: bool = False,
) -> Pushed:
    """Upload a pipeline to the model hub in one commit, with a card that says what it was made of, how well
    it does by language, and how to use it. The repository is made where there is none. One that was pushed to
    before, as its card tells, holds afterwards what was pushed, its .gitattributes, and no file of before.

    The hub is that of `huggingface_hub` (HF_ENDPOINT), which finds the token by itself. The pipeline's folder
    is left as it is.

    model (Path): The trained pipeline: its folder, or the name of an installed package.
    repo (str): The repository, as you/name.
    for_transformers (bool): Upload the text classifier as `export_transformers` writes it.
    component (str | None): The text classifier that the card describes; None for the only one.
    scores (Path | None): What `spacy xling evaluate --json` wrote of the pipeline; refused for a
        checkpoint without what makes these scores.
    license (str | None): The model's licence, by its identifier on the hub, e.g. "mit".
    public (bool): A new repository may be read by everyone, and one that everyone reads may be written to.
    overwrite (bool): Replace files that weren't pushed here, too.
    RETURNS (Pushed): What was pushed.
    RAISES (ValueError): X726, X727, X728, X729, X751, X760, and as `export_transformers`. (OSError): X725;
        X161.
    """
    nlp = load_pipeline(model)
    pipe = find_component(nlp, component)
    found = None if scores is None else read_scores(scores, pipe.name, pipe.labels)
    if for_transformers and scores is not None and (lost := find_score_losses(pipe)):
        raise ValueError(Errors.X728.format(path=scores, name=pipe.name, lost="; ".join(lost)))
    with tempfile.TemporaryDirectory() as place:
        folder, exported, limits = Path(str(nlp.path)), None, ["An empty text scores 0 for every label."]
        if for_transformers:
            folder = Path(place) / "checkpoint"
            exported = export_transformers(model, folder, component=pipe.name)
            read = f"It reads the first {exported.window} pieces of a text"
            whole = "" if found is None else "; the scores are of the pipeline, which reads all of them"
            limits = [
                f"{read}{whole}.",
                *(f"The pipeline has what it lacks: {lost}." for lost in exported.lost),
            ]
        described = Described(nlp, pipe, found, license, for_transformers, limits)
        files = find_files(folder)
        url, private = _upload(files, described, repo, public=public, overwrite=overwrite)
    return Pushed(url, private, sorted([*files, CARD]), exported)


def find_files(folder: Path) -> dict[str, Path]:
    """The files of a pipeline or checkpoint by their names within its folder, without those that are hidden
    and a card of before.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        is_hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
        if path.is_file() and not is_hidden and name != Path(CARD):
            found[name.as_posix()] = path
    return found


def _upload(
    files: dict[str, Path], described: Described, repo: str, *, public: bool, overwrite: bool
) -> tuple[str, bool]:
    """Make the repository if there is none, and in one commit add all files and the card, and remove the
    others; its address, and whether it is private.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi()
    with _hub_errors(repo):
        url = api.create_repo(repo, private=not public, exist_ok=True)
        info = api.model_info(url.repo_id)
        others = [] if overwrite else _find_others(api, info)
    # By now the hub has said whose it is.
    repo = url.repo_id
    if not (info.private or public):
        raise ValueError(Errors.X726.format(repo=repo))
    if others:
        raise ValueError(Errors.X729.format(repo=repo, n=len(others), files=", ".join(others[:SHOWN])))
    with _hub_errors(repo):
        operations: list[Any] = [CommitOperationAdd(CARD, format_card(described, repo).encode("utf8"))]
        operations += [CommitOperationAdd(name, path) for name, path in files.items()]
        operations += map(CommitOperationDelete, sorted(_files_there(info) - {*files, CARD}))
        # The hub refuses it if another commit came between.
        api.create_commit(
            repo, operations, commit_message="Push a pipeline of spacy-xling", parent_commit=info.sha
        )
    return str(url), bool(info.private)


@contextmanager
def _hub_errors(repo: str) -> Iterator[None]:
    """Name the repository in whatever goes wrong at the hub."""
    try:
        yield
    # What is raised depends on the library that asks the hub.
    except Exception as error:
        raise OSError(Errors.X725.format(repo=repo, error=one_line(error))) from error


def _files_there(info: Any) -> set[str]:
    return {sibling.rfilename for sibling in info.siblings or ()} - {ATTRIBUTES}


def _find_others(api: Any, info: Any) -> list[str]:
    """The files of a repository that no push has made, nor the hub."""
    if TAG in (getattr(info.card_data, "tags", None) or ()):
        return []
    found = sorted(_files_there(info))
    return [] if found == [CARD] and _is_blank_card(api, info) else found


def _is_blank_card(api: Any, info: Any) -> bool:
    """Whether a card has metadata alone, as one that the hub makes."""
    with tempfile.TemporaryDirectory() as place:
        path = api.hf_hub_download(info.id, CARD, revision=info.sha, local_dir=place)
        text = Path(path).read_text(encoding="utf8", errors="replace")
    return not re.sub(r"\A---\n.*?^---$", "", text, flags=re.DOTALL | re.MULTILINE).strip()

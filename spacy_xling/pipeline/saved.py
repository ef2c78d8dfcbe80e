"""Components as files and bytes."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spacy import util
from spacy.pipeline import TrainablePipe

from ..errors import Errors, one_line
from ..models.contracts import classifier_of, shim_of
from .calibrated import KEY
from .centred import CentredScores


class SavedPipe(TrainablePipe):
    """A component that is saved as its settings and its model.

    cfg (dict): The settings.
    older_settings (dict): What settings are that a component saved by an older version lacks.
    """

    cfg: dict[str, Any]
    older_settings: dict[str, None] = {}  # noqa: RUF012  (never changed)

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Save the component: its settings, and a Hugging Face folder `model` with the layers of its own
        beside it.

        path (str | Path): Path to a directory.
        exclude (Iterable[str]): Names of fields to leave out.
        """
        serialize = {
            # srsly's JSON keeps ten decimals of a number.
            "cfg": lambda p: p.write_text(json.dumps(self.cfg, indent=2), encoding="utf8"),
            "vocab": lambda p: self.vocab.to_disk(p, exclude=exclude),
            "model": lambda p: shim_of(self.model).to_folder(p),
        }
        util.to_disk(path, serialize, exclude)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "SavedPipe":
        """Load the component. No hub is asked, and the original checkpoint isn't needed.

        path (str | Path): Path to a directory.
        exclude (Iterable[str]): Names of fields to leave out.
        RETURNS (SavedPipe): The component.
        RAISES (ValueError): A folder that isn't whole.
        """
        deserialize = {
            "cfg": lambda p: self.cfg.update(self.older_settings | json.loads(p.read_text(encoding="utf8"))),
            "vocab": lambda p: self.vocab.from_disk(p, exclude=exclude),
            "model": lambda p: shim_of(self.model).from_folder(p),
        }
        util.from_disk(path, deserialize, exclude)
        return self


class SavedClassifier(CentredScores, SavedPipe):
    """A text classifier that is saved, its classification head among the layers of its own."""

    # Settings that were saved before there was a calibration have none.
    older_settings = {KEY: None}  # noqa: RUF012  (never changed)

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Save the component, centred; see `SavedPipe.to_disk`."""
        self.keep_centred()
        super().to_disk(path, exclude=exclude)

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Save the component to bytes; see spaCy's `TrainablePipe.to_bytes`."""
        self.keep_centred()
        return super().to_bytes(exclude=exclude)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "SavedClassifier":
        """Load the component; see `SavedPipe.from_disk`."""
        super().from_disk(path, exclude=exclude)
        self._check_loaded()
        return self

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "SavedClassifier":
        """Load the component from bytes; see spaCy's `TrainablePipe.from_bytes`."""
        super().from_bytes(bytes_data, exclude=exclude)
        self._check_loaded()
        return self

    def _check_loaded(self) -> None:
        """Refuse settings that were changed by hand, or belong to another model."""
        labels = self.cfg["labels"]
        try:
            if len(set(labels)) != len(labels) or any(not isinstance(label, str) for label in labels):
                raise ValueError(f"labels = {labels!r}")
            shim = classifier_of(self.model)
            if shim.is_initialized:
                if shim.n_labels != len(labels):
                    raise ValueError(f"{len(labels)} labels, and a model of {shim.n_labels}")
                self.model.set_dim("nO", shim.n_labels, force=True)
            self._check_threshold(self.cfg["threshold"])
            # It checks, and the pipeline's config follows.
            self.text_field = self.cfg["text_field"]
            if self.calibration is not None:
                self._check_calibration(self.calibration)
        # Of values of a wrong kind, Python says each time something else.
        except (AttributeError, TypeError, ValueError) as error:
            if str(error).startswith("[X"):
                raise
            raise ValueError(Errors.X554.format(name=self.name, error=one_line(error))) from error
        # What was loaded is centred already.
        self._has_moved = False

    def _check_threshold(self, threshold: object) -> None:
        if not isinstance(threshold, (int, float)) or not 0 <= threshold <= 1:
            raise ValueError(Errors.X555.format(name=self.name, found=threshold))

"""What a pre-training run says of itself: a table on the console, and JSONL."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from wasabi import row as table_row

SPACING = 2
# Language columns that fit a terminal; with more, the console has their mean alone.
MAX_COLUMNS = 14


class Row(NamedTuple):
    """A measurement.

    step (int): Optimiser steps done.
    pieces (int): Pieces that passed the encoder so far, in all processes.
    seconds (float): Seconds since this process began to train.
    processor_seconds (float): Those that its threads computed.
    learn_rate (float): Rate of the last step.
    loss (float): Mean training loss since the last row, in nats per target.
    heldout (dict[str, float]): Loss on held-out text by language, in nats per target.
    """

    step: int
    pieces: int
    seconds: float
    processor_seconds: float
    learn_rate: float
    loss: float
    heldout: dict[str, float]

    @property
    def heldout_mean(self) -> float | None:
        """Mean of the languages' losses; None without held-out text."""
        return sum(self.heldout.values()) / len(self.heldout) if self.heldout else None

    @property
    def scalars(self) -> dict[str, float]:
        """What TensorBoard shows."""
        heldout = {f"heldout/{language}": loss for language, loss in self.heldout.items()}
        return {"loss": self.loss, "learn_rate": self.learn_rate, "pieces": self.pieces, **heldout}


class JsonLog:
    """A JSONL file that can continue from where a checkpoint left it.

    path (Path): The file.
    size (int): Bytes to keep of what is there.
    """

    def __init__(self, path: Path, size: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = path.open("ab")
        self._stream.truncate(min(size, path.stat().st_size))

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._stream.seek(0, os.SEEK_END)

    def write(self, row: Row) -> None:
        """Write a row, as a JSON object on a line, and see it to the disk."""
        times = {name: round(getattr(row, name), 1) for name in ("seconds", "processor_seconds")}
        record = {**row._asdict(), **times, "heldout_mean": row.heldout_mean}
        self._stream.write(json.dumps(record).encode("utf-8") + b"\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


class ConsoleLog:
    """A table with a row for each measurement.

    languages (Sequence[str]): Languages with held-out text.
    pieces (int): Pieces that passed the encoder before this process began to train.
    """

    def __init__(self, languages: Sequence[str], pieces: int) -> None:
        self.languages = list(languages) if len(languages) <= MAX_COLUMNS else []
        titles = ["#", "SEC", "PIECES/S", "LOSS", *(["HELDOUT"] if languages else []), *self.languages]
        self.widths = [max(len(title), 7) for title in titles]
        self._since = (pieces, 0.0)
        self._write(titles)
        self._write(["-" * width for width in self.widths])

    def write(self, row: Row) -> None:
        """Write a row. Pieces per second are those since the last row of this process."""
        pieces, seconds = self._since
        rate = (row.pieces - pieces) / (row.seconds - seconds)
        self._since = (row.pieces, row.seconds)
        losses = [row.loss, *([] if row.heldout_mean is None else [row.heldout_mean])]
        losses += [row.heldout[language] for language in self.languages]
        self._write([str(row.step), f"{row.seconds:.0f}", f"{rate:.0f}", *(f"{loss:.3f}" for loss in losses)])

    def _write(self, cells: Sequence[str]) -> None:
        print(table_row(cells, widths=self.widths, spacing=SPACING, aligns=["r"] * len(cells)), flush=True)

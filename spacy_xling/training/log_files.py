"""Logs that outlast a process: TensorBoard's, and which files and folders a config's loggers write."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

TENSORBOARD = "spacy-xling.TensorBoardLogger.v1"


class ScalarLog:
    """Scalars for TensorBoard.

    folder (Path): The folder of the log.
    missing (str): What to say where the extra isn't installed.
    step (int | None): Steps after it that the folder holds are taken back; None takes nothing back.
    RAISES (ImportError): The extra is not installed.
    """

    def __init__(self, folder: Path, *, missing: str, step: int | None = None) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ImportError(missing) from error
        self._writer: Any = SummaryWriter(str(folder), purge_step=None if step is None else step + 1)

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Write the scalars of a step, for all to see."""
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        """Close the log."""
        self._writer.close()


def log_settings(logger: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """Find what the loggers of a config write, be they chained or not.

    logger (Mapping[str, Any]): The block `[training.logger]`, not resolved.
    YIELDS (tuple[str, Path]): The setting, by its dot name in the block, and what it names: the file of a
        console logger, or the folder of TensorBoard's.
    """
    setting = "folder" if logger.get("@loggers") == TENSORBOARD else "output_file"
    if logger.get(setting) is not None:
        yield setting, Path(logger[setting])
    for name, value in logger.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", path) for inner, path in log_settings(value))


def files_of_log(path: Path) -> list[Path]:
    """What there is of a log: the file itself, or the files of events of TensorBoard's folder, or nothing."""
    if path.is_dir():
        return sorted(path.glob("events.out.tfevents.*"))
    return [path] if path.exists() else []

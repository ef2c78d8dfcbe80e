"""Going again through the steps of a training that were done already, without training.

spaCy's loop keeps its state in local variables and generators: step and epoch, schedules, the order of the
batches, a batcher's own place. None of it can be saved, and all of it follows from the data and the scores.
So the same loop runs again over the same data with a pipeline that learns nothing, up to the first batch
that is new.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import IO, Any
from zlib import crc32

from spacy.language import Language
from spacy.training import Example

from ..data.doc_translations import get_translation
from ..errors import Errors
from ..types import JsonDict
from .randomness import GENERATORS, States, generator_states, set_generator_states

EpochBatch = tuple[int, list[Example]]


class Batches:
    """Batches of a training, which can be asked for a second time in a later process.

    What draws a batch may use the global generators, and so may what happens between two batches. So each
    state in which a batch finds a generator is kept, unless the drawing of batches itself left it so.

    batches (Iterator[EpochBatch]): Where batches come from, with their epochs.
    done (dict | None): The `state` that a run to resume was saved in; None for a new run.
    on_replayed (Callable[[], None]): Called when the first batch that wasn't done is asked for.
    """

    def __init__(
        self,
        batches: Iterator[EpochBatch],
        *,
        done: JsonDict | None,
        on_replayed: Callable[[], None],
    ) -> None:
        self.is_replaying = done is not None
        self.count = 0
        self._batches = batches
        self._on_replayed = on_replayed
        self._checksum = 0
        self._done = done or {}
        # State in which a batch found a generator, by the generator's name and the batch's number.
        self._found: dict[str, dict[str, str]] = self._done.get("found") or {name: {} for name in GENERATORS}
        # State in which the last batch that drew from a generator left it.
        self._left: States = {}

    @property
    def state(self) -> JsonDict:
        """How far the batches have come, for a later process to get there."""
        return {"count": self.count, "checksum": self._checksum, "found": self._found}

    def __iter__(self) -> "Batches":
        return self

    def __next__(self) -> EpochBatch:
        """The next batch and its epoch. A ValueError says that batches which were done are other ones now."""
        if self.is_replaying and self.count == self._done["count"]:
            self.end_replay()
        epoch, batch = self._draw_again() if self.is_replaying else self._draw()
        batch = list(batch)
        self.count += 1
        for example in batch:
            cats = sorted(example.reference.cats.items())
            translation = get_translation(example.reference)
            content = json.dumps([example.reference.text, cats, *([translation] if translation else [])])
            self._checksum = crc32(content.encode("utf8"), self._checksum)
        return epoch, batch

    def end_replay(self) -> None:
        """Go over to new batches. A ValueError says that those so far aren't those that were done."""
        done = (self._done["count"], self._done["checksum"])
        if (self.count, self._checksum) != done:
            raise ValueError(Errors.X612.format(n_batches=self._done["count"]))
        self._on_replayed()
        self.is_replaying = False

    def _draw(self) -> EpochBatch:
        before = generator_states()
        drawn = next(self._batches)
        for name, state in generator_states().items():
            if state != before[name]:
                if before[name] != self._left.get(name):
                    self._found[name][str(self.count)] = before[name]
                self._left[name] = state
        return drawn

    def _draw_again(self) -> EpochBatch:
        number = str(self.count)
        self._left.update({name: found[number] for name, found in self._found.items() if number in found})
        set_generator_states(self._left)
        try:
            drawn = next(self._batches)
        except StopIteration:
            raise ValueError(Errors.X612.format(n_batches=self._done["count"])) from None
        after = generator_states()
        self._left = {name: after[name] for name in self._left}
        return drawn


class ReplayedPipeline:
    """Stands for the pipeline in spaCy's loop: it learns nothing while steps are replayed, and its losses and
    scores are those that it had.

    nlp (Language): The pipeline.
    batches (Batches): Tell whether steps are replayed.
    noted (Sequence[JsonDict]): What was noted at each evaluation that was done, its "scores" and the "losses"
        of the steps before it; and then the "losses" of the steps after the last one.
    parts (int): How many parts a batch is learnt from in. spaCy itself makes one more of what doesn't divide
        evenly, and fewer of few examples; several processes must all have as many.
    """

    def __init__(self, nlp: Language, batches: Batches, noted: Sequence[JsonDict], parts: int = 1) -> None:
        self._nlp = nlp
        self._parts = parts
        self._batches = batches
        self._noted = noted
        self._n_evaluations = 0

    @property
    def pipeline(self) -> list[tuple[str, Any]]:
        return [] if self._batches.is_replaying else self._nlp.pipeline

    @property
    def pipe_names(self) -> list[str]:
        return self._nlp.pipe_names

    def update(self, examples: Iterable[Example], **settings: Any) -> None:
        if self._batches.is_replaying:
            settings["losses"].update(self._noted[self._n_evaluations]["losses"])
            return
        if self._parts == 1:
            self._nlp.update(examples, **settings)
            return
        for part in even_parts(list(examples), self._parts):
            nothing = Example(self._nlp.make_doc(""), self._nlp.make_doc(""))
            self._nlp.update(part or [nothing], **settings)

    def evaluate(self, examples: Iterable[Example]) -> JsonDict:
        if not self._batches.is_replaying:
            return self._nlp.evaluate(examples)
        self._n_evaluations += 1
        return self._noted[self._n_evaluations - 1]["scores"]

    def use_params(self, params: Any) -> Any:
        return self._nlp.use_params(params)


def even_parts(examples: list[Example], parts: int) -> list[list[Example]]:
    """Divide a batch into as many parts, texts of like lengths together; some parts may be empty."""
    ordered = sorted(examples, key=lambda example: len(example.predicted))
    ends = [len(ordered) * number // parts for number in range(parts + 1)]
    return [ordered[start:end] for start, end in pairwise(ends)]


class LiveOutput:
    """A stream that can be silenced: rows of steps that are replayed were shown when they were done.

    stream (IO): Where to write.
    """

    def __init__(self, stream: IO) -> None:
        self.is_quiet = False
        self._stream = stream

    def write(self, text: str) -> int:
        return len(text) if self.is_quiet else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

"""Greedy and beam search over pieces, whatever computes their probabilities."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor


class Step(ABC):
    """What a search asks for. Its rows are hypotheses: in the beginning one for each text."""

    @abstractmethod
    def begin(self) -> Tensor:
        """The first piece.

        RETURNS (Tensor): log P of each piece. *Shape:* (texts, pieces)
        """

    @abstractmethod
    def go_on(self, pieces: Tensor, parents: Tensor) -> Tensor:
        """The next piece.

        pieces (Tensor): The piece that each row is continued by. *Shape:* (rows,)
        parents (Tensor): The row of the last call that each continues. *Shape:* (rows,)
        RETURNS (Tensor): log P of each piece. *Shape:* (rows, pieces)
        """


class Hypotheses:
    """What is open and what is finished of one text.

    prefixes (list[list[int]]): The open hypotheses, the best first.
    scores (list[float]): The sum of log P of each.
    finished (list[tuple[float, list[int]]]): Those that came to the end piece, with the mean of log P.
    """

    def __init__(self) -> None:
        self.prefixes: list[list[int]] = [[]]
        self.scores: list[float] = [0.0]
        self.finished: list[tuple[float, list[int]]] = []

    def best(self) -> list[int]:
        """The finished hypothesis with the highest mean, else the best open one."""
        if self.finished:
            return max(self.finished, key=lambda found: found[0])[1]
        return self.prefixes[0]

    def take(
        self, candidates: Sequence[tuple[float, int, int]], *, beams: int, end: int
    ) -> list[tuple[int, int]]:
        """Continue by the best candidates.

        candidates (Sequence[tuple[float, int, int]]): Sum of log P, number of the hypothesis, and the piece,
            the best first; with an end for each hypothesis there are enough of them for all beams.
        beams (int): Number of open hypotheses to keep.
        end (int): The end piece.
        RETURNS (list[tuple[int, int]]): Hypothesis and piece of those that are open now; none if the text is
            done.
        """
        chosen: list[tuple[int, int]] = []
        prefixes, scores = [], []
        for rank, (score, parent, piece) in enumerate(candidates):
            prefix = [*self.prefixes[parent], piece]
            if piece == end:
                # One that isn't among the best isn't worth ending.
                if rank < beams:
                    self.finished.append((score / len(prefix), prefix))
            elif len(chosen) < beams:
                chosen.append((parent, piece))
                prefixes.append(prefix)
                scores.append(score)
        self.prefixes, self.scores = prefixes, scores
        return [] if self._is_done(beams) else chosen

    def _is_done(self, beams: int) -> bool:
        """Whether there are enough that ended, and none that is open is ahead of the best of them."""
        if len(self.finished) < beams:
            return False
        return max(score for score, _ in self.finished) >= self.scores[0] / len(self.prefixes[0])


def search(
    step: Step, n_texts: int, *, end: int, limit: int, beams: int = 1, no_repeat: int = 0
) -> list[list[int]]:
    """Find the most probable sequences of pieces. A text is done once as many hypotheses as there are beams
    came to the end, and the best of these is ahead of all that are open, by its mean log P. With one beam
    that is greedy search.

    step (Step): Computes the probabilities.
    n_texts (int): Number of texts.
    end (int): The end piece.
    limit (int): The most pieces of a sequence, the end piece among them.
    beams (int): Number of open hypotheses.
    no_repeat (int): Size of n-grams that may stand in a sequence only once; 0 for none.
    RETURNS (list[list[int]]): The sequence of each text, with the end piece unless the limit cut it off.
    """
    found = [Hypotheses() for _ in range(n_texts)]
    # The texts that aren't done, in the order of the rows.
    open_texts = list(range(n_texts))
    log_p = step.begin()
    for length in range(1, limit + 1):
        hypotheses = [found[text] for text in open_texts]
        # All open texts have as many.
        width = len(hypotheses[0].prefixes)
        if no_repeat:
            _forbid_repeats(log_p, [prefix for one in hypotheses for prefix in one.prefixes], no_repeat)
        so_far = log_p.new_tensor([one.scores for one in hypotheses]).unsqueeze(2)
        scores = log_p.view(len(hypotheses), width, -1) + so_far
        best = scores.flatten(1).topk(min(2 * beams, scores[0].numel()))
        n_pieces = log_p.shape[1]
        parents, pieces = (best.indices // n_pieces).tolist(), (best.indices % n_pieces).tolist()
        rows: list[tuple[int, int]] = []
        still_open = []
        for number, text in enumerate(open_texts):
            candidates = list(zip(best.values[number].tolist(), parents[number], pieces[number], strict=True))
            chosen = found[text].take(candidates, beams=beams, end=end)
            rows += [(number * width + parent, piece) for parent, piece in chosen]
            still_open += [text] if chosen else []
        open_texts = still_open
        if not rows or length == limit:
            break
        going_on = torch.tensor(rows, device=log_p.device)
        log_p = step.go_on(going_on[:, 1], going_on[:, 0])
    return [one.best() for one in found]


def _forbid_repeats(log_p: Tensor, prefixes: Sequence[Sequence[int]], size: int) -> None:
    """Take the chance from each piece that would end an n-gram that stands in its row already."""
    for row, prefix in enumerate(prefixes):
        last = list(prefix[len(prefix) - size + 1 :]) if len(prefix) >= size else None
        for start in range(len(prefix) - size + 1):
            if list(prefix[start : start + size - 1]) == last:
                log_p[row, prefix[start + size - 1]] = -torch.inf

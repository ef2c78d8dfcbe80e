"""Integrated gradients of a joint module on the word embeddings of a text's pieces."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import Errors, requiring
from .batches import Windows
from .joint import JointModule

# Steps of the integral over a stretch of the way, and the most in all.
STEPS, MOST_STEPS = 16, 4096
# How far the sum may be from the difference of the scores: by this share of it, or by so much of a score.
TOLERANCE, SMALLEST = 0.01, 1e-4


class Attribution(NamedTuple):
    """What each piece does for a score.

    pieces (Tensor): Integrated gradients, 0 for special pieces and padding. *Shape:* (windows, length)
    score (float): The score of the text.
    baseline (float): That of the baseline.
    completeness (float): Sum of the pieces, less `score` minus `baseline`.
    steps (int): Steps of the integral.
    """

    pieces: Tensor
    score: float
    baseline: float
    completeness: float
    steps: int

    @property
    def is_complete(self) -> bool:
        """Whether the sum is as near as it should be."""
        return abs(self.completeness) <= allowed_gap(self.score, self.baseline)


class Stretch(NamedTuple):
    """A part of the way from the baseline to the text.

    gap (float): Minus how far the sum of its pieces is from the difference of the scores at its ends, so that
        the worst comes first.
    start (float): Where it begins, from 0, the baseline, to 1, the text.
    end (float): Where it ends.
    pieces (Tensor): Its integral. *Shape:* (windows, length)
    """

    gap: float
    start: float
    end: float
    pieces: Tensor


@torch.inference_mode(False)
def integrated_gradients(
    module: JointModule,
    windows: Windows,
    is_word: Tensor,
    score: Callable[[Tensor], Tensor],
    *,
    pass_pieces: int,
) -> Attribution:
    """Integrate the gradient of a score on the way from a baseline to a text (Sundararajan+ 2017, arXiv
    1703.01365). The way is cut in halves, and these again, where the integral doesn't sum up: most of a score
    may be won in a small part of it. Nothing is left on the module's parameters.

    In the baseline the mean of all word embeddings replaces each ordinary piece: it says
    nothing in particular. (The mask piece would, to a classifier that never met one.)

    module (JointModule): The module.
    windows (Windows): All windows of one text.
    is_word (Tensor): True for an ordinary piece, False for a special one and padding. *Shape:* (windows,
        length)
    score (Callable[[Tensor], Tensor]): Logits (texts, labels) to the scores (texts,) to be explained.
    pass_pieces (int): The most pieces of a pass; a text of more is a pass of its own.
    RETURNS (Attribution): The integral, complete or with `MOST_STEPS` steps.
    RAISES (ImportError): X950: captum is missing.
    """
    with requiring(Errors.X950):
        from captum.attr import IntegratedGradients

    def scores(embedded: Tensor) -> Tensor:
        """*Shapes:* (texts, windows, length, width) to (texts,)"""
        return score(module.classify_embedded(embedded.flatten(0, 1), repeat_windows(windows, len(embedded))))

    module.eval()
    encoder = module.masked_lm.encoder
    with torch.no_grad():
        text = encoder.embed(windows.ids)[None]
        baseline = torch.where(is_word.unsqueeze(-1), encoder.embeddings.weight.mean(dim=0), text)
        ends = [float(scores(end)) for end in (text, baseline)]
    method = IntegratedGradients(scores)
    at_once = max(1, pass_pieces // windows.ids.numel())

    def integrate(start: float, end: float) -> Stretch:
        points = [torch.lerp(baseline, text, place) for place in (end, start)]
        found, gap = method.attribute(
            *points, n_steps=STEPS, internal_batch_size=at_once, return_convergence_delta=True
        )
        return Stretch(-abs(float(gap)), start, end, found[0].sum(dim=-1).detach())

    stretches = [integrate(0.0, 1.0)]
    while -sum(part.gap for part in stretches) > allowed_gap(*ends) and len(stretches) < MOST_STEPS // STEPS:
        worst = heappop(stretches)
        middle = (worst.start + worst.end) / 2
        for half in ((worst.start, middle), (middle, worst.end)):
            heappush(stretches, integrate(*half))
    pieces = torch.stack([part.pieces for part in stretches]).sum(dim=0)
    completeness = float(pieces.sum()) - (ends[0] - ends[1])
    return Attribution(pieces, ends[0], ends[1], completeness, len(stretches) * STEPS)


def allowed_gap(score: float, baseline: float) -> float:
    """How far the sum of the pieces may be from the difference of these scores."""
    return max(TOLERANCE * abs(score - baseline), SMALLEST)


def repeat_windows(windows: Windows, times: int) -> Windows:
    """The windows of one text as those of several texts, one after the other."""
    return Windows(
        ids=windows.ids.repeat(times, 1),
        attention=windows.attention.repeat(times, 1),
        pooled=windows.pooled.repeat(times, 1),
        texts=torch.arange(times, device=windows.texts.device).repeat_interleave(len(windows.texts)),
        n_texts=times,
    )

"""Dropout with cheap random numbers on the CPU.

There torch draws a double for each value, on one core. Sixteen bits of each draw are enough to tell whether a
value stays: a draw serves four values, and the rate is right to 1 / 65,536.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

LEVELS = 2**16
# Values that a draw of 64 bits serves.
SERVED = 4


def dropout(values: Tensor, rate: float, training: bool = True) -> Tensor:
    """Zero each value with a probability, and scale the others to keep the mean (Srivastava et al. 2014).

    values (Tensor): Torch's generator draws for them. *Shape:* (...)
    rate (float): The probability, from 0 to below 1; on the CPU it is rounded to a multiple of 1 / 65,536.
    training (bool): Whether to drop anything.
    RETURNS (Tensor): *Shape:* (...)
    """
    if not (training and rate):
        return values
    if values.device.type != "cpu":
        return F.dropout(values, rate)
    n_draws = -(-values.numel() // SERVED)
    draws = torch.empty(n_draws, dtype=torch.int64).random_(-(2**63), None)
    # From 0 to 65,535, less half of it: two's complement.
    numbers = draws.view(torch.int16)[: values.numel()].view(values.shape)
    kept = numbers >= round(rate * LEVELS) - LEVELS // 2
    return values * kept.to(values.dtype).mul_(1 / (1 - rate))

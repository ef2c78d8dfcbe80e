"""What torch needs in `nlp.pipe(n_process=2)`: a hook that runs in a forked process. Importing it registers
that.
"""

import os

import torch


def _after_fork_in_child() -> None:
    # A child forked from a parent that ran torch on several threads hangs in torch's thread pool.
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)

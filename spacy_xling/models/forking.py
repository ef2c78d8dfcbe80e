"""What a fork needs, as that of `nlp.pipe(n_process=2)`: hooks that run when a process is forked. Importing
registers those for the tokenizers.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Lock, RLock

FORK_SETTING = "TOKENIZERS_PARALLELISM"


def hold_during_fork(lock: "Lock | RLock") -> None:
    """Let no process be forked while another thread holds a lock, which the child would wait for for ever."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)


def _before_fork() -> None:
    # The tokenizers library warns in a child forked after it ran on several threads, unless this is set.
    global _own_setting
    _own_setting = os.environ.get(FORK_SETTING)
    os.environ.setdefault(FORK_SETTING, "false")


def _after_fork_in_parent() -> None:
    if _own_setting is None:
        os.environ.pop(FORK_SETTING, None)


_own_setting: str | None = None
# Windows doesn't fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent)

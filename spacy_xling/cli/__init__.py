"""`spacy xling ...`: each command parses its arguments, calls one function and prints.

Nothing here imports torch or transformers at its top, for every `spacy` command imports these modules.
"""

from . import init_encoder, pretrain  # noqa: F401  (each module adds its command)
from .app import app

__all__ = ["app"]

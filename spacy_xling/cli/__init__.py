"""`spacy xling ...`: each command parses its arguments, calls one function and prints.

Nothing here imports torch or transformers at its top, for every `spacy` command imports these modules.
"""

from . import train  # noqa: F401  (registers the command)
from .app import app

__all__ = ["app"]

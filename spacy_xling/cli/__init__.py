"""`spacy xling ...`: each command parses its arguments, calls one function and prints.

Nothing here imports torch or transformers at its top, for every `spacy` command imports these modules.
"""

from .app import app
from .trim import trim_cli

__all__ = ["app", "trim_cli"]

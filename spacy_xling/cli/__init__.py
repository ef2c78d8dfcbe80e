"""`spacy xling ...`: each command parses its arguments, calls one function and prints.

Nothing here imports torch or transformers at its top, for every `spacy` command imports these modules.
"""

from . import inspect, preview_masks
from .app import app

__all__ = ["app", "inspect", "preview_masks"]

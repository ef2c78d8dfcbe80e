"""`spacy xling ...`: each command parses its arguments, calls one function and prints.

Nothing here imports torch or transformers at its top, because every `spacy` command imports these modules.
"""

# Each module adds its command to the app.
from . import (  # noqa: F401
    apply,
    calibrate,
    compare,
    convert,
    debug_data,
    evaluate,
    evaluate_translation,
    explain,
    export,
    import_transformers,
    init_config,
    init_dictionaries,
    init_encoder,
    inspect,
    pretrain,
    preview_masks,
    preview_switching,
    push,
    search,
    train,
    translate,
    trim,
)
from .app import app

__all__ = ["app"]

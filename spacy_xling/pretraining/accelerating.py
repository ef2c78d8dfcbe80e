"""The processes of a pre-training run, by the library accelerate, which comes with the extra `pretrain`."""

from ..errors import Errors

try:
    from accelerate import Accelerator
    from accelerate.utils import gather_object, set_seed
except ImportError as error:
    raise ImportError(
        Errors.X748.format(library="accelerate", error=error, purpose="pre-training")
    ) from error

__all__ = ["Accelerator", "gather_object", "set_seed"]

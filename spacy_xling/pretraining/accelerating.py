"""The processes of a pre-training run, by the library accelerate, which comes with the extra `pretrain`."""

from ..errors import Errors, requiring

with requiring(Errors.X748, library="accelerate", purpose="pre-training"):
    from accelerate import Accelerator
    from accelerate.utils import gather_object, set_seed

__all__ = ["Accelerator", "gather_object", "set_seed"]

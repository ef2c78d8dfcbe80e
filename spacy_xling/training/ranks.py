"""Processes that train one pipeline together, each on batches of its own (data parallelism; Li et al. 2020,
arXiv 2006.15704), as `torchrun` starts them.

Each holds the whole pipeline. A step's batches are one batch: means are over the items of all processes, and
gradients are added up before they are clipped, so that all take the same step.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from contextvars import ContextVar
from datetime import timedelta
from io import StringIO
from itertools import islice
from os import environ
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from torch import Tensor, nn

T = TypeVar("T")

# The others wait while the first one evaluates and saves.
TIMEOUT = timedelta(days=2)
# Numbers that are exchanged at a time.
BUCKET = 2**24


class Ranks:
    """A process that trains alone: there is nothing to exchange.

    number (int): The process's own number, from 0.
    count (int): How many processes there are.
    """

    number = 0
    count = 1

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that evaluates, logs and saves."""
        return self.number == 0

    def total(self, value: float) -> float:
        """The sum of a number over all processes."""
        return value

    def totals(self, values: dict[str, float]) -> dict[str, float]:
        """The sums of numbers over all processes, which have the same names in the same order."""
        return values

    def from_first(self, make: Callable[[], T]) -> T:
        """Let the first process make what pickle takes, and give it to all. Nobody continues before.

        make (Callable): Makes it.
        RETURNS (Any): What it made.
        """
        return make()

    def gather(self, value: T) -> list[T]:
        """What all processes have, in their order.

        value (Any): What this one has; pickle must take it.
        RETURNS (list[Any]): An item for each process.
        """
        return [value]

    def equalise(self, parameters: Iterable["nn.Parameter"]) -> None:
        """Give all processes the first one's parameters."""

    def add_gradients(self, parameters: Iterable["nn.Parameter"]) -> None:
        """Give all processes the sums of their gradients. What has none here and one elsewhere gets one."""

    def own_batches(self, batches: Iterator[T]) -> Iterator[T]:
        """Of each `count` batches the one that is for this process. Batches at the end that don't suffice for
        all processes are left out.

        batches (Iterator[Any]): The same in all processes.
        YIELDS (Any): A batch for each step.
        """
        while len(step := list(islice(batches, self.count))) == self.count:
            yield step[self.number]


class TorchRanks(Ranks):
    """A process of the group that `torch.distributed` has started."""

    def __init__(self, number: int, count: int) -> None:
        self.number = number
        self.count = count

    def total(self, value: float) -> float:
        return self.totals({"": value})[""]

    def totals(self, values: dict[str, float]) -> dict[str, float]:
        import torch
        from torch import distributed

        sums = torch.tensor(list(values.values()), dtype=torch.float64)
        distributed.all_reduce(sums)
        return dict(zip(values, sums.tolist(), strict=True))

    def from_first(self, make: Callable[[], T]) -> T:
        from torch import distributed

        made: list[Any] = [make() if self.is_first else None]
        distributed.broadcast_object_list(made)
        return made[0]  # type: ignore[no-any-return]

    def gather(self, value: T) -> list[T]:
        from torch import distributed

        gathered: list[Any] = [None] * self.count
        distributed.all_gather_object(gathered, value)
        return gathered

    def equalise(self, parameters: Iterable["nn.Parameter"]) -> None:
        from torch import distributed

        for parameter in parameters:
            distributed.broadcast(parameter.data, 0)

    def add_gradients(self, parameters: Iterable["nn.Parameter"]) -> None:
        import torch
        from torch import distributed

        learning = [parameter for parameter in parameters if parameter.requires_grad]
        took_part = torch.tensor([parameter.grad is not None for parameter in learning], dtype=torch.int32)
        distributed.all_reduce(took_part)
        gradients = []
        for parameter, count in zip(learning, took_part.tolist(), strict=True):
            if count:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
        for bucket in _buckets(gradients):
            flat = torch.cat([gradient.flatten() for gradient in bucket])
            distributed.all_reduce(flat)
            parts = torch.split(flat, [gradient.numel() for gradient in bucket])
            for gradient, part in zip(bucket, parts, strict=True):
                gradient.copy_(part.view_as(gradient))


def _buckets(tensors: Sequence["Tensor"]) -> Iterator[list["Tensor"]]:
    """Tensors of one type and device that follow each other, as many as a bucket holds."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        kind = (tensor.dtype, tensor.device)
        size = sum(other.numel() for other in bucket) + tensor.numel()
        if bucket and (size > BUCKET or (bucket[0].dtype, bucket[0].device) != kind):
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket


_ranks: ContextVar[Ranks] = ContextVar("ranks", default=Ranks())  # noqa: B039  (it has no state)


def ranks() -> Ranks:
    """This process among those that train together; alone unless `launched` says otherwise."""
    return _ranks.get()


def local_rank() -> int:
    """The process's number among those of its machine, which is that of its GPU."""
    return int(environ.get("LOCAL_RANK", 0))


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def launched() -> Iterator[Ranks]:
    """Join the other processes that `torchrun` has started, if it has. Of errors that several of them meet
    the first is raised, the others leave without a word. Only the first process prints and warns.

    YIELDS (Ranks): This process among them.
    """
    if int(environ.get("WORLD_SIZE", 1)) == 1:
        yield ranks()
        return
    import torch
    from torch import distributed
    from torch.distributed.rendezvous import rendezvous

    store, number, count = next(rendezvous("env://", timeout=TIMEOUT))
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backend, store=store, rank=number, world_size=count, timeout=TIMEOUT)
    token = _ranks.set(TorchRanks(number, count))
    try:
        with _quiet() if number else nullcontext():
            yield _ranks.get()
    except Exception as error:
        if store.add("spacy_xling.errors", 1) > 1:
            raise SystemExit(1) from error
        raise
    finally:
        _ranks.reset(token)
    distributed.destroy_process_group()

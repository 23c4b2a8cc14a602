"""Training in several processes, as `torchrun` starts them: each takes its share of every batch."""

from __future__ import annotations

import contextlib
import datetime
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.distributed.rendezvous import rendezvous

from morphsim.encoder.errors import TrainingDiverged
from morphsim.encoder.training.sampler import share_sizes
from morphsim.errors import InputError, MachineError

_FAILED = "morphsim-failed"
# Messages of gloo and NCCL, which connect the processes, that another process is gone.
_GONE = re.compile(
    "Connection (closed|reset)|Broken pipe|remote process exited|ncclRemoteError|Timed out waiting",
    re.IGNORECASE,
)
_PATIENCE = datetime.timedelta(seconds=10)


@dataclass(frozen=True)
class Processes:
    """The processes that train together; this one is number `rank` of `size`.

    Attributes:
        rank: from 0; only 0 writes files and shows progress.
        size: how many there are; with a single one every method is the identity.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def sum_gradients(self, network: torch.nn.Module) -> None:
        """Sum the gradients of all processes, each from the loss of its share of the batch."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        # One message for all weights: for networks of this size the number of messages is what costs time.
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        torch.distributed.all_reduce(flat)
        totals = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, total in zip(gradients, totals, strict=True):
            gradient.copy_(total.view_as(gradient))

    def gather(self, rows: torch.Tensor, count: int) -> torch.Tensor:
        """Concatenate the rows (b, D) of all processes, in the order of the whole batch.

        Only the rows of this process carry a gradient. Since the gradients of the weights are summed over the
        processes, each row contributes once to the gradient of a loss of all rows.

        Args:
            rows: of this process.
            count: B, of all processes.

        Returns:
            (B, D).
        """
        if self.size == 1:
            return rows
        sizes = share_sizes(count, self.size)
        padded = rows.new_zeros(max(sizes), rows.shape[1])
        padded[: len(rows)] = rows.detach()
        parts = [torch.empty_like(padded) for _ in sizes]
        torch.distributed.all_gather(parts, padded)
        whole = [part[:size] for part, size in zip(parts, sizes, strict=True)]
        whole[self.rank] = rows
        return torch.cat(whole)

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Sum `values` over all processes, in place."""
        if self.size > 1:
            torch.distributed.all_reduce(values)
        return values

    def record_of_first(
        self, record: dict[str, float], columns: Sequence[str], device: torch.device
    ) -> dict[str, float]:
        """Return the record of process 0, the only one with all `columns`, so that all decide alike."""
        if self.size == 1:
            return record
        values = [record.get(name, 0.0) for name in columns]
        sent = torch.tensor(values, dtype=torch.float64, device=device)
        torch.distributed.broadcast(sent, src=0)
        return record if self.first else dict(zip(columns, sent.tolist(), strict=True))

    def wait(self) -> None:
        """Wait until all processes have reached this point."""
        if self.size > 1:
            torch.distributed.barrier()


@contextlib.contextmanager
def joined_processes(device: torch.device) -> Iterator[Processes]:
    """Join the processes that `torchrun` started; without `torchrun` there is a single one.

    An error that all processes run into, such as bad input, is raised by the first one, and the others exit
    silently. An error of a single process is raised there and ends the others. A process that disappears
    without an error was killed.

    Args:
        device: of this process.

    Raises:
        MachineError: another process was killed.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Processes()
        return
    store, rank, size = next(rendezvous("env://"))
    if device.type == "cuda":
        torch.cuda.set_device(device)
        options: dict[str, Any] = {"backend": "nccl", "device_id": device}
    else:
        options = {"backend": "gloo"}
    torch.distributed.init_process_group(store=store, rank=rank, world_size=size, **options)
    try:
        yield Processes(rank, size)
    except Exception as error:
        explained = isinstance(error, InputError | MachineError | TrainingDiverged)
        if rank and explained and _failed(store, 0):
            raise SystemExit(1) from error
        if not explained and any(_failed(store, other, wait=False) for other in range(size) if other != rank):
            # Another process has reported the cause; here only the connection broke.
            raise SystemExit(1) from error
        store.set(f"{_FAILED}-{rank}", "1")
        if isinstance(error, RuntimeError) and _GONE.search(str(error)):
            raise MachineError(
                "another process of this training was killed, perhaps for memory; the last checkpoint is "
                "kept: run again with --resume"
            ) from error
        raise
    finally:
        torch.distributed.destroy_process_group()


def _failed(store: Any, rank: int, *, wait: bool = True) -> bool:
    name = f"{_FAILED}-{rank}"
    if not wait:
        return bool(store.check([name]))
    try:
        store.wait([name], _PATIENCE)
    except RuntimeError:
        return False
    return True


def own_device(device: torch.device) -> torch.device:
    """Return the GPU of this process if several share a machine, else the device as it is."""
    if device.type == "cuda" and device.index is None and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device

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
from morphsim.encoder.sampling import share_sizes
from morphsim.errors import InputError, MachineError

_FAILED = "morphsim-failed"
# How the libraries that connect the processes, gloo and NCCL, say that one of them is gone.
_GONE = re.compile(
    "Connection (closed|reset)|Broken pipe|remote process exited|ncclRemoteError|Timed out waiting",
    re.IGNORECASE,
)
_PATIENCE = datetime.timedelta(seconds=10)


@dataclass(frozen=True)
class Processes:
    """The processes that train together, this one being number `rank` of `size`.

    Attributes:
        rank: from 0; only 0 writes files and shows progress.
        size: how many there are; with 1 every method is the identity.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes and shows."""
        return self.rank == 0

    def sum_gradients(self, network: torch.nn.Module) -> None:
        """Add up the gradients of all processes, each of the loss of its own share of the batch."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        # One message for all weights: for networks of this size their number costs, not their length.
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        torch.distributed.all_reduce(flat)
        totals = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, total in zip(gradients, totals, strict=True):
            gradient.copy_(total.view_as(gradient))

    def gather(self, rows: torch.Tensor, count: int) -> torch.Tensor:
        """Put the rows (b, D) of all processes together, in the order of the whole batch.

        Only the own rows carry a gradient: since the gradients of the weights are summed over the processes,
        a loss of all rows is counted in full, each row by the process that made it.

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
        """Add up `values` over all processes, in place."""
        if self.size > 1:
            torch.distributed.all_reduce(values)
        return values

    def record_of_first(
        self, record: dict[str, float], columns: Sequence[str], device: torch.device
    ) -> dict[str, float]:
        """Return the record of process 0, which alone measures all `columns`, so that all decide alike."""
        if self.size == 1:
            return record
        values = [record.get(name, 0.0) for name in columns]
        sent = torch.tensor(values, dtype=torch.float64, device=device)
        torch.distributed.broadcast(sent, src=0)
        return record if self.first else dict(zip(columns, sent.tolist(), strict=True))

    def wait(self) -> None:
        """Wait until all processes have come here."""
        if self.size > 1:
            torch.distributed.barrier()


@contextlib.contextmanager
def joined_processes(device: torch.device) -> Iterator[Processes]:
    """Join the processes that `torchrun` started; alone where it did not.

    An error that all processes meet, as bad input, is raised by the first of them and ends the others without
    a word; one that a single process meets is raised there and ends the others. Where a process is gone
    without a word, the machine is the reason.

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
        told = isinstance(error, InputError | MachineError | TrainingDiverged)
        if rank and told and _failed(store, 0):
            raise SystemExit(1) from error
        if not told and any(_failed(store, other, wait=False) for other in range(size) if other != rank):
            # Only the echo of what another process has told: its connection is gone.
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
    """Return the GPU of this process, of several on one machine, or the device as it is."""
    if device.type == "cuda" and device.index is None and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device

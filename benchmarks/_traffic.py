"""Counts the kernels of a computation and the bytes that they read and write, without timing anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch._inductor import config
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

# Other views of the same memory, which inductor lists as if they were kernels.
_VIEWS = ("view_as_real", "view_as_complex", "view.dtype", "select.int")


@dataclass(frozen=True)
class Traffic:
    """What a computation costs on a device whose memory is its bottleneck.

    Attributes:
        kernels: how many are started, matrix products and transforms included.
        bytes: read and written by them, each argument once.
    """

    kernels: int
    bytes: int


def eager_traffic(task: Callable[[], Any]) -> Traffic:
    """The traffic of a task in eager mode: each operation that is no view is a kernel."""
    with _Counting() as counting:
        task()
    return Traffic(counting.kernels, counting.bytes)


@contextmanager
def compiled_traffic() -> Iterator[list[Traffic]]:
    """Lists the traffic of each graph that inductor compiles meanwhile, as its scheduler has fused it.

    The scheduler's own count is used: of a buffer no more than its size, however often it is read. A graph
    for batches of any size is counted for the size that it is compiled with.
    """
    found: list[Traffic] = []

    def count(nodes: Sequence[Any]) -> Sequence[Any]:
        kernels = [node for node in nodes if node.get_read_write_buffers_sizes() and not _is_view(node)]
        found.append(Traffic(len(kernels), sum(node.get_read_write_buffers_sizes() for node in kernels)))
        return nodes

    # A graph from the cache would not be scheduled again.
    with config.patch({"_post_fusion_custom_pass": count, "fx_graph_cache": False}):
        yield found


class _Counting(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.kernels = self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = _tensors((args, kwargs))
        made = _tensors(result)
        memory = {tensor.untyped_storage().data_ptr() for tensor in given}
        is_view = all(tensor.untyped_storage().data_ptr() in memory for tensor in made)
        if not is_view or func._schema.is_mutable:
            self.kernels += 1
            self.bytes += sum(
                min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())
                for tensor in (*given, *made)
            )
        return result


def _tensors(values: Any) -> list[Tensor]:
    return [value for value in pytree.tree_leaves(values) if isinstance(value, Tensor)]


def _is_view(node: Any) -> bool:
    name = getattr(node.node, "python_kernel_name", None) or ""
    return any(view in name for view in _VIEWS)

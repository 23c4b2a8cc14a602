"""HDF5 files that are built in memory, since the library crashes when it can't write to a disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from morphsim.files import write_bytes

if TYPE_CHECKING:
    import h5py


@contextlib.contextmanager
def new_hdf5(target: str | Path) -> Iterator[h5py.File]:
    """Give an HDF5 file in memory that becomes `target` once the block ends without an error.

    It has the bytes that HDF5 would write, and needs the memory of its compressed content.

    Raises:
        InputError: as `morphsim.files.atomic_path`.
        MachineError: as `morphsim.files.atomic_path`.
    """
    import h5py

    # The name is of no use but in errors.
    with h5py.File(Path(target).name, "w", driver="core", backing_store=False) as file:
        yield file
        file.flush()
        image = file.id.get_file_image()
    write_bytes(target, image)

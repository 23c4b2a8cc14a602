"""HDF5 files built in memory, since the library crashes when it can't write to a disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from morphsim.files import write_bytes

if TYPE_CHECKING:
    import h5py

_GROWTH = 2**20


@contextlib.contextmanager
def new_hdf5(target: str | Path) -> Iterator[h5py.File]:
    """Provide an HDF5 file in memory that is written to `target` when the block ends without an error.

    It has the bytes that HDF5 would write to disk, and needs memory for its compressed content. Internal
    checksums are on and times are off, so equal content gives equal bytes; HDF5 1.10 and later can read the
    file. Make groups with `new_group`.

    Raises:
        InputError: as `morphsim.files.atomic_path`.
        MachineError: as `morphsim.files.atomic_path`.
    """
    import h5py

    properties = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    properties.set_obj_track_times(False)
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(_GROWTH, backing_store=False)
    access.set_libver_bounds(h5py.h5f.LIBVER_V110, h5py.h5f.LIBVER_V110)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    # The name only appears in errors.
    name = Path(target).name.encode("utf-8", "surrogateescape")
    created = h5py.h5f.create(name, h5py.h5f.ACC_TRUNC, fcpl=properties, fapl=access)
    with h5py.File(created) as file:
        yield file
        file.flush()
        image = file.id.get_file_image()
    write_bytes(target, image)


def new_group(file: h5py.File, name: str) -> h5py.Group:
    """Make a group without times, so that equal content gives equal bytes."""
    import h5py

    properties = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    properties.set_obj_track_times(False)
    return h5py.Group(h5py.h5g.create(file.id, name.encode(), gcpl=properties))

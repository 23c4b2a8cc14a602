"""The one way to open an HDF5 file for reading: nothing outside of the named file is ever read.

A link or a dataset of HDF5 may point to any other file: external links, external storage, virtual datasets.
A user who imports a stranger's file would copy the bytes of such files into the result, and a virtual dataset
that refers to itself ends the whole program. Each is refused before it is followed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphsim.errors import InputError, MachineError
from morphsim.limits import MOST_NAMES
from morphsim.system_errors import explain

if TYPE_CHECKING:
    import h5py

_MOST_LINKS = 32
_NAMES_SHOWN = 10
# Of the tables of HDF5, and of chunks.
_CHECKSUM_FAILS = ("checksum", "filter returned failure")
DAMAGED = "is damaged (checksum); restore it from a backup or make it again"


@contextlib.contextmanager
def open_hdf5(path: str | Path, *, named: bool = True) -> Iterator[h5py.File]:
    """Open a file for reading, and say in one line what is wrong with it.

    Take objects out of it by `find_dataset` and `find_group` only.

    Args:
        path: the file.
        named: begin errors with the path; else with `it`.

    Raises:
        InputError: the file is missing, damaged, truncated, not HDF5, or what the block raises.
        MachineError: the operating system refuses to read it.
    """
    import h5py

    subject = str(path) if named else "it"
    if Path(path).is_dir():
        raise InputError(f"{subject} is a folder; name an HDF5 file of frames in it")
    if not Path(path).is_file():
        raise InputError(f"{subject} does not exist; name an HDF5 file of frames")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except MachineError:
        raise
    except InputError as error:
        raise InputError(f"{path}: {error}" if named else str(error)) from error
    except MemoryError as error:
        raise InputError(
            f"{subject} claims more values than memory holds; it is broken or too large"
        ) from error
    except Exception as error:
        # A broken file makes h5py raise nearly anything.
        reason = " ".join(str(error).split()) or type(error).__name__
        if any(words in reason for words in _CHECKSUM_FAILS):
            raise InputError(f"{subject} {DAMAGED}") from error
        if refused := explain(error, subject):
            raise refused from error
        raise InputError(
            f"{subject} is not an HDF5 file of frames, or is truncated ({reason}); make or fetch it again"
        ) from error


def find_dataset(group: h5py.Group, name: str) -> h5py.Dataset | None:
    """The dataset of a name, or of a path of names with slashes; None where there is none.

    Raises:
        InputError: its values, or a link on the way, lie outside of the file.
    """
    import h5py

    found = _find(group, name, [_MOST_LINKS])
    return found if isinstance(found, h5py.Dataset) else None


def find_group(group: h5py.Group, name: str) -> h5py.Group | None:
    """The group of a name, or of a path of names with slashes; None where there is none.

    Raises:
        InputError: a link on the way leads out of the file.
    """
    import h5py

    found = _find(group, name, [_MOST_LINKS])
    return found if isinstance(found, h5py.Group) else None


def names_in(group: h5py.Group) -> list[str]:
    """The names of what a group holds.

    Raises:
        InputError: there are more than anyone would give to columns.
    """
    if len(group) > MOST_NAMES:
        raise InputError(f"its group {group.name} holds {len(group)} objects; at most {MOST_NAMES} are read")
    return list(group)


def listed(names: Sequence[str]) -> str:
    """Some names for an error, however many there are."""
    shown = ", ".join(names[:_NAMES_SHOWN]) or "nothing at all"
    return shown if len(names) <= _NAMES_SHOWN else f"{shown} and {len(names) - _NAMES_SHOWN} more"


def _find(group: h5py.Group, name: str, links_left: list[int]) -> Any:
    """Follow a path link by link, and look at each link before it is followed."""
    import h5py

    found: Any = group.file if name.startswith("/") else group
    for part in name.split("/"):
        if part in ("", "."):
            continue
        if not isinstance(found, h5py.Group) or part not in found.id:
            return None
        link = _link(found, part)
        if isinstance(link, h5py.SoftLink):
            links_left[0] -= 1
            if links_left[0] < 0:
                raise InputError(
                    f"its link {part!r} leads back to itself; name the dataset it should lead to"
                )
            found = _find(found, link.path, links_left)
        elif isinstance(link, h5py.HardLink):
            found = found[part]
        else:
            raise InputError(
                f"its object {part!r} lies in another file (external link), and other files are never read; "
                "copy it into the file with h5copy, or remove the link"
            )
    if isinstance(found, h5py.Dataset):
        _check_within(found)
    return found


def _link(group: h5py.Group, name: str) -> Any:
    try:
        return group.get(name, getlink=True)
    except TypeError:
        # A kind of link that a user defined: only a plugin knows where it leads.
        return None


def _check_within(dataset: h5py.Dataset) -> None:
    """Before its shape is asked for: that alone would open the sources of a virtual dataset."""
    import h5py

    properties = dataset.id.get_create_plist()
    virtual = properties.get_layout() == h5py.h5d.VIRTUAL
    if virtual or properties.get_external_count() > 0:
        kind = "virtual dataset" if virtual else "external storage"
        raise InputError(
            f"the values of its dataset {dataset.name} lie elsewhere ({kind}), and other files are never "
            "read; copy them into the file, as h5py does with `file[name] = values`"
        )

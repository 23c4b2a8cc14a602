"""Safe reading of HDF5 files: nothing outside the named file is ever read.

External links, external storage and virtual datasets may point to any other file. Importing an untrusted file
would copy the contents of such files into the result, and a virtual dataset that refers to itself crashes the
process. All of them are refused before they are followed.
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
# Messages of HDF5 for its metadata, and for chunks.
_CHECKSUM_FAILS = ("checksum", "filter returned failure")
DAMAGED = "is damaged (checksum); restore it from a backup or make it again"


@contextlib.contextmanager
def open_hdf5(path: str | Path, *, named: bool = True) -> Iterator[h5py.File]:
    """Open a file for reading; every error is a single line.

    Access its objects through `find_dataset` and `find_group` only.

    Args:
        path: the file.
        named: begin errors with the path instead of `it`.

    Raises:
        InputError: the file is missing, damaged, truncated or not HDF5, or the block raises an error.
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
        # For a broken file h5py raises almost any exception.
        reason = " ".join(str(error).split()) or type(error).__name__
        if any(words in reason for words in _CHECKSUM_FAILS):
            raise InputError(f"{subject} {DAMAGED}") from error
        if refused := explain(error, subject):
            raise refused from error
        raise InputError(
            f"{subject} is not an HDF5 file of frames, or is truncated ({reason}); make or fetch it again"
        ) from error


def find_dataset(group: h5py.Group, name: str) -> h5py.Dataset | None:
    """The dataset of this name, or of a path of names with slashes; None if there is none.

    Raises:
        InputError: its values, or a link on its path, lie outside the file.
    """
    import h5py

    found = _find(group, name, [_MOST_LINKS])
    return found if isinstance(found, h5py.Dataset) else None


def find_group(group: h5py.Group, name: str) -> h5py.Group | None:
    """The group of this name, or of a path of names with slashes; None if there is none.

    Raises:
        InputError: a link on its path leads out of the file.
    """
    import h5py

    found = _find(group, name, [_MOST_LINKS])
    return found if isinstance(found, h5py.Group) else None


def names_in(group: h5py.Group) -> list[str]:
    """The names of the objects in a group.

    Raises:
        InputError: there are more than `MOST_NAMES`.
    """
    if len(group) > MOST_NAMES:
        raise InputError(f"its group {group.name} holds {len(group)} objects; at most {MOST_NAMES} are read")
    return list(group)


def listed(names: Sequence[str]) -> str:
    """A list of names for an error, shortened if it is long."""
    shown = ", ".join(names[:_NAMES_SHOWN]) or "nothing at all"
    return shown if len(names) <= _NAMES_SHOWN else f"{shown} and {len(names) - _NAMES_SHOWN} more"


def no_array(name: str, names: Sequence[str], *, kind: str = "array") -> InputError:
    """The error of a file that has arrays, but not the one of this name."""
    return InputError(
        f"it has no {kind} {name!r}, only {listed(names)}; choose one with `morphsim import --array NAME`"
    )


def _find(group: h5py.Group, name: str, links_left: list[int]) -> Any:
    """Follow a path link by link, checking each link before following it."""
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
        # A user-defined link, which only a plugin can resolve.
        return None


def _check_within(dataset: h5py.Dataset) -> None:
    """Refuse values in other files. Reading even the shape of a virtual dataset would open its sources."""
    import h5py

    properties = dataset.id.get_create_plist()
    virtual = properties.get_layout() == h5py.h5d.VIRTUAL
    if virtual or properties.get_external_count() > 0:
        kind = "virtual dataset" if virtual else "external storage"
        raise InputError(
            f"the values of its dataset {dataset.name} lie elsewhere ({kind}), and other files are never "
            "read; copy them into the file, as h5py does with `file[name] = values`"
        )

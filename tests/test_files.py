from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from morphsim import InputError, MachineError
from morphsim.files import (
    atomic_buffer,
    atomic_path,
    load_tree,
    save_tree,
    write_bytes,
    write_json,
    write_text,
)
from morphsim.frames import (
    FrameSet,
    ImportConfig,
    import_frames,
    read_frames,
    read_target_frames,
    stated_boundary,
    write_frames,
)
from morphsim.hdf5_writing import new_hdf5
from morphsim.similarity.evaluation import read_published
from morphsim.temporary import remove_leftovers, temporary_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def some_frames() -> FrameSet:
    return FrameSet(frames=np.eye(8, dtype=np.uint8)[None], columns={"trajectory": np.zeros(1, np.int64)})


def test_a_link_stays_a_link_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real" / "a.txt")
    (tmp_path / "again.txt").symlink_to("link.txt")
    write_text(tmp_path / "again.txt", "new")
    assert (tmp_path / "link.txt").is_symlink() and (tmp_path / "again.txt").is_symlink()
    assert (tmp_path / "real" / "a.txt").read_text() == "new"
    assert names(tmp_path / "real") == ["a.txt"]


def test_a_link_to_what_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to(tmp_path / "later" / "a.txt")
    write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "later" / "a.txt").read_text() == "new"
    assert (tmp_path / "link.txt").is_symlink()


def test_what_can_not_be_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "link", "loop", "pipe"):
        with pytest.raises(InputError, match=name):
            write_text(tmp_path / name, "text")
    with pytest.raises(InputError, match="/dev/null is a device or a pipe"):
        write_text("/dev/null", "text")
    assert names(tmp_path) == ["folder", "link", "loop", "pipe"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(mode)
    write_text(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("")
    write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("name", ["a" * 255, "µ" * 127, os.fsdecode(b"\xff\xfe.h5"), ".owner2", "-"])
def test_any_name_that_the_file_system_takes(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / name, "text")
    assert (tmp_path / name).read_text() == "text"
    with new_hdf5(tmp_path / name) as file:
        file["a"] = 1
    assert names(tmp_path) == [name]


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("place", ["Path.write_bytes", "Path.replace", "os.fsync"])
def test_a_full_disk_is_one_error_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    owner = {"Path": Path, "os": os}[place.split(".")[0]]
    monkeypatch.setattr(owner, place.split(".")[1], full)
    writers = [
        lambda: write_bytes(path, b"new"),
        lambda: write_json(path, {"a": 1}),
        lambda: save_tree(path, {"a": torch.zeros(3)}),
        lambda: write_frames(path, some_frames()),
    ]
    for write in writers:
        with pytest.raises(MachineError, match=r"/a: No space left on device .*MiB are left"):
            write()
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_the_space_that_is_needed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(MachineError, match="3 MiB are needed"):
        write_bytes(tmp_path / "a", bytes(3 * 2**20))


def test_nothing_is_written_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    with pytest.raises(ZeroDivisionError), atomic_buffer(tmp_path / "a") as buffer:
        buffer.write(b"half")
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), new_hdf5(tmp_path / "a") as file:
        file["a"] = 1
        raise ZeroDivisionError
    assert names(tmp_path) == []


def test_hdf5_has_the_bytes_that_the_library_writes(tmp_path: Path) -> None:
    values = np.arange(50_000).reshape(50, 1000)

    def fill(file: h5py.File) -> None:
        stored = file.create_dataset("a", values.shape, "i8", chunks=(1, 1000), compression="gzip")
        for number, row in enumerate(values):
            stored[number] = row
        file.attrs["b"] = "text"

    # The format that has checksums.
    with h5py.File(tmp_path / "theirs.h5", "w", libver=("v110", "v110"), track_times=False) as file:
        fill(file)
    with new_hdf5(tmp_path / "ours.h5") as file:
        fill(file)
    assert (tmp_path / "ours.h5").read_bytes() == (tmp_path / "theirs.h5").read_bytes()


def test_the_next_writer_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    code = (
        "import os, sys, signal, pathlib\n"
        "from morphsim.temporary import temporary_folder\n"
        "with temporary_folder(pathlib.Path(sys.argv[1])) as folder:\n"
        "    (folder / 'a.h5').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=60)
    assert len(names(tmp_path)) == 1
    # Files of the user, however they are called, and those of writers at work stay.
    (tmp_path / ".morphsim-notes").write_text("mine")
    (tmp_path / ".morphsim-abcdefgh").symlink_to(tmp_path)
    with temporary_folder(tmp_path) as busy:
        write_text(tmp_path / "b.txt", "whole")
        assert names(tmp_path) == sorted([".morphsim-notes", ".morphsim-abcdefgh", busy.name, "b.txt"])
    assert names(tmp_path) == [".morphsim-abcdefgh", ".morphsim-notes", "b.txt"]


def test_a_leftover_without_its_lock_goes_too(tmp_path: Path) -> None:
    (tmp_path / ".morphsim-abcdefgh").mkdir()
    remove_leftovers(tmp_path)
    remove_leftovers(tmp_path / "missing")
    assert names(tmp_path) == []


def test_without_locks_nothing_is_taken_for_a_leftover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_locks)
    with temporary_folder(tmp_path) as folder:
        remove_leftovers(tmp_path)
        assert folder.is_dir()
        write_text(tmp_path / "a.txt", "whole")
    assert names(tmp_path) == ["a.txt"]


def test_many_writers_of_one_file_at_once(tmp_path: Path) -> None:
    errors: list[Exception] = []

    def write(number: int) -> None:
        try:
            for _ in range(20):
                remove_leftovers(tmp_path)
                write_bytes(tmp_path / "a", bytes([number]) * 1000)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(set((tmp_path / "a").read_bytes())) == 1
    assert names(tmp_path) == ["a"]


def test_a_file_that_another_program_has_open_says_so(tmp_path: Path) -> None:
    path = tmp_path / "busy.h5"
    code = (
        "import h5py, sys\nfile = h5py.File(sys.argv[1], 'w')\nfile['frames'] = [[[1, 0]]]\nfile.flush()\n"
        "print(flush=True)\ninput()\nfile.close()\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None and other.stdout is not None
        other.stdout.readline()
        for read in (read_frames, read_target_frames, stated_boundary, read_published):
            with pytest.raises(MachineError, match=f"{path} is in use by another program"):
                read(path)
        with pytest.raises(MachineError, match=r"busy\.h5: it is in use by another program"):
            import_frames(ImportConfig(source=path, out=tmp_path / "a.h5"))
        other.stdin.write("\n")
    assert len(read_frames(path)) == 1


def test_what_the_system_refuses_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_json(tmp_path / "a.json", {})
    save_tree(tmp_path / "a.safetensors", {"a": torch.zeros(3)})

    def busy(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "read_text", busy)
    monkeypatch.setattr("morphsim.files.load_file", busy)
    monkeypatch.setattr("h5py.File", busy)
    write_text(tmp_path / "a.h5", "")
    for read, name in ((load_tree, "a.safetensors"), (read_frames, "a.h5")):
        with pytest.raises(MachineError, match="storage failed"):
            read(tmp_path / name)

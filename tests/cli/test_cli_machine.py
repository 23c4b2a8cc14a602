"""What the machine does to a command: signals, full disks, encodings, names, other runs."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import SMALL_NETWORK, Morphsim
from PIL import Image

from morphsim._surroundings import write_any_character
from morphsim.cli import main
from morphsim.frames import film, read_frames
from morphsim.locks import claimed_file, claimed_folder

FILM = ["--process", "annealing", "--shape", 8, 16, "--frames", 2, "--set", "duration=0.002"]
ROOT = Path(__file__).resolve().parents[2]


def start(*words: object, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "morphsim", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


def no_film(*_: object, **__: object) -> None:
    pytest.fail("the film was simulated before the output was tried")


@pytest.mark.parametrize("out", ["/proc/x", "/sys/x", "/dev/null", "{tmp}/file"])
def test_an_output_is_tried_before_the_work(
    morphsim: Morphsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(film, "record_film", no_film)
    ended = morphsim("simulate", *FILM, "--out", out.format(tmp=tmp_path))
    assert ended.status == 2
    assert "use another path" in ended.complaint


@pytest.mark.parametrize(
    "words",
    [
        ["simulate", *FILM],
        ["train-encoder", "FRAMES", "--epochs", 1, *SMALL_NETWORK],
        ["tune-encoder", "FRAMES", "--epochs", 1, "--trials", 1],
        ["train-agent", "--encoder", "ENCODER", "--target", "FRAMES:0", "--total-steps", 8],
        ["evaluate-encoder", "FRAMES", "--encoder", "ENCODER"],
        ["optimise-recipe", "--encoder", "ENCODER", "--target", "FRAMES:0", "--process", "annealing"],
        ["demo"],
    ],
    ids=lambda words: words[0],
)
def test_a_second_run_in_a_folder_ends_at_once(
    morphsim: Morphsim, tmp_path: Path, frame_file: Path, encoder_folder: Path, words: list[object]
) -> None:
    named = {"FRAMES": frame_file, "FRAMES:0": f"{frame_file}:0", "ENCODER": encoder_folder}
    out = tmp_path / "out"
    with claimed_folder(out):
        ended = morphsim(*(named.get(str(word), word) for word in words), "--out", out)
        assert [path.name for path in out.iterdir()] == [".lock"]
    assert ended.status == 1
    assert ended.complaint.endswith(f"another run writes to {out}; wait for it, or name another --out")


@pytest.mark.parametrize("words", [["import", "FRAMES"], ["dataset", "--grid", "chi=3", *FILM]])
def test_a_second_run_for_a_file_ends_at_once(
    morphsim: Morphsim, tmp_path: Path, frame_file: Path, words: list[object]
) -> None:
    out = tmp_path / "out.h5"
    with claimed_file(out):
        ended = morphsim(*(frame_file if word == "FRAMES" else word for word in words), "--out", out)
    assert ended.status == 1
    assert ended.complaint.endswith(f"another run writes to {out}; wait for it, or name another --out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frames.h5"]


def test_an_output_that_is_a_link_stays_one(morphsim: Morphsim, tmp_path: Path, frame_file: Path) -> None:
    (tmp_path / "a.h5").write_text("old")
    (tmp_path / "link.h5").symlink_to("a.h5")
    assert morphsim("import", frame_file, "--out", tmp_path / "link.h5", "--overwrite").status == 0
    assert (tmp_path / "link.h5").is_symlink()
    assert len(read_frames(tmp_path / "a.h5")) == 24


def test_names_that_are_no_text(morphsim: Morphsim, tmp_path: Path) -> None:
    source = tmp_path / os.fsdecode(b"film-\xff")
    source.mkdir()
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(source / os.fsdecode(b"a\xfe_1.png"))
    (source / os.fsdecode(b"\xfe.txt")).write_text("no number")
    out = tmp_path / os.fsdecode(b"\xff.h5")
    for words in (
        ["import", tmp_path, "--out", out],
        ["import", tmp_path, "--out", out, "--overwrite", "--json"],
        ["score", out, "--target", f"{out}:0", "--encoder", "default"],
        ["simulate", tmp_path / "\udcff.toml"],
        ["train-encoder", tmp_path / "\udcff.h5"],
        ["\udcff"],
    ):
        ended = morphsim(*words)
        assert ended.status in (0, 2)
        assert "Traceback" not in ended.err
    assert read_frames(out).columns["source"].tolist() == ["film-\\xff/a\\xfe_1.png"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_any_encoding_of_the_output(monkeypatch: pytest.MonkeyPatch, encoding: str, errors: str) -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding=encoding, errors=errors)
    monkeypatch.setattr(sys, "stdout", stream)
    write_any_character()
    print("µ · ─ \udcff \ud800")  # noqa: T201
    stream.flush()
    byte = b"\\udcff" if errors == "strict" else b"\xff"
    assert written.getvalue().endswith(byte + b" \\ud800\n")


def test_a_full_standard_output_is_one_line() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    code = "import sys; from morphsim.cli import main; sys.exit(main(['--help']))"
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "standard output: No space left on device" in line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_command_as_ctrl_c_does(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    cleaned = []

    def record(*_: object, **__: object) -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)
        finally:
            # A second one, as of a scheduler that is in a hurry, does not disturb the cleaning.
            os.kill(os.getpid(), number)
            cleaned.append(True)

    before = signal.getsignal(number)
    monkeypatch.setattr(film, "record_film", record)
    assert main(["simulate", *map(str, FILM), "--out", str(tmp_path / "out")]) == 128 + number
    assert capsys.readouterr().err.splitlines()[-1] == "morphsim simulate: terminated"
    assert cleaned
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(number) == before


def test_a_signal_that_is_ignored_stays_ignored(morphsim: Morphsim, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        monkeypatch.setattr("morphsim.cli._run", lambda _: os.kill(os.getpid(), signal.SIGHUP) or 0)
        assert morphsim().status == 0
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.slow
def test_a_terminated_data_set_goes_on_and_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "a.h5"
    words = ["dataset", "--process", "annealing", "--grid", "chi=2.8,3.2", "--replicas", 20, "--frames", 3]
    words += ["--shape", 32, 64, "--set", "duration=0.05", "--workers", 2, "--out", out]
    with start(*words) as process:
        parts = tmp_path / "a.h5.parts"
        deadline = time.monotonic() + 100
        while not list(parts.glob("film-*.h5")) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=100)
    assert process.returncode == 143, said
    assert said.decode().splitlines()[-1].endswith("films made; run the same command to resume")
    assert "Traceback" not in said.decode()
    assert not list(tmp_path.rglob(".*"))


def tmpfs_works() -> bool:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    command = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=32k", "none", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_full_disk_is_one_line_and_films_that_are_there_stay(tmp_path: Path) -> None:
    if not tmpfs_works():
        pytest.skip("mounting a small file system needs root")
    small = tmp_path / "small"
    small.mkdir()
    words = ["dataset", "--process", "annealing", "--grid", "chi=2.8,3.2,3.4", "--replicas", "3"]
    words += ["--frames", "6", "--shape", "32", "64", "--set", "duration=0.002", "--out", f"{small}/f.h5"]
    script = (
        f'mount -t tmpfs -o size=32k none "{small}"\n"$@" 2>"{tmp_path}/said"\n'
        f'echo $?\nls -A "{small}/f.h5.parts"'
    )
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", script, "bash", sys.executable, "-m", "morphsim", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    status, *left = done.stdout.splitlines()
    *progress, line = (tmp_path / "said").read_text().splitlines()
    assert status == "1"
    assert "f.h5.parts/film-00000" in line
    assert "No space left on device (" in line
    assert all(text.startswith("films: ") for text in progress)
    assert "plan.json" in left
    assert all(name == "plan.json" or name.startswith("film-0") for name in left)

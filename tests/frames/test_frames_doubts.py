"""Frames that can be read but may not be what was meant are refused or give a warning."""

from __future__ import annotations

import json
import os
import struct
import warnings
import zlib

import matplotlib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from morphsim.cli import main
from morphsim.errors import FrameWarning, InputError
from morphsim.frames import (
    ImportConfig,
    import_frames,
    moment_labels,
    read_any,
    read_frames,
    read_target_frames,
)
from morphsim.frames import images as images_module
from morphsim.frames.preparation import Preparation

FRAME = np.random.default_rng(0).integers(0, 2, (9, 14), np.uint8)


def imported(folder, **options):
    """The report of an import, and its frames."""
    out = folder.parent / "out.h5"
    report = import_frames(ImportConfig(source=folder, out=out, overwrite=True, **options))
    return report, read_frames(out)


@pytest.fixture
def source(tmp_path):
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


def test_times_in_names_order_a_film(source):
    for time in ("0.02", "0.1", "0.25", "0.5"):
        frame = np.zeros((8, 16), np.uint8)
        frame[:, : int(32 * float(time))] = 255
        Image.fromarray(frame).save(source / f"phi_t={time}.png")
    frames = imported(source)[1]
    assert frames.columns["time"].tolist() == [0.02, 0.1, 0.25, 0.5]
    assert moment_labels(frames).tolist() == [0, 1, 2, 3]
    assert (np.diff(frames.frames.mean((1, 2))) > 0).all()


@pytest.mark.parametrize("heights", [1e-7, 1e-3, -1e-9])
def test_heights_are_scaled_and_warned_of(source, heights):
    levels = np.where(FRAME, 0.8, 0.2) + 0.1 * np.random.default_rng(0).random(FRAME.shape)
    values = (heights * levels).astype(np.float32)
    Image.fromarray(values).save(source / "heights.tif")
    np.save(source / "heights.npy", values)
    # Of negative values the phase of smaller magnitude is the higher one.
    wanted = FRAME if heights > 0 else 1 - FRAME
    for name in ("heights.tif", "heights.npy"):
        with pytest.warns(FrameWarning, match="rather than donor shares.*--threshold otsu"):
            np.testing.assert_array_equal(read_any(source / name).frames[0], wanted)
        with pytest.warns(FrameWarning, match=r"heights\..*rather than donor shares"):
            np.testing.assert_array_equal(read_target_frames(source / name)[0], wanted)
    (warning,) = imported(source)[0].warnings
    assert warning.startswith("heights.npy and 1 more files: its values")
    # The rule gives the same frame at any scale.
    otsu = Preparation(rule="otsu")
    np.testing.assert_array_equal(read_any(source / "heights.npy", preparation=otsu).frames[0], wanted)
    np.save(source / "flat.npy", np.full((9, 14), 2.0))
    with pytest.raises(InputError, match="the value 2 everywhere"):
        read_any(source / "flat.npy")


def test_one_phase_is_warned_of(source, capsys):
    for number in range(3):
        Image.fromarray(np.full((9, 14), 100 if number else 200, np.uint8)).save(source / f"{number}.bmp")
    Image.fromarray(FRAME * 255).save(source / "9.bmp")
    with pytest.raises(InputError, match="none is above the middle"):
        read_any(source / "1.bmp")
    for number in range(3):
        Image.fromarray(np.full((9, 14), 0 if number else 200, np.uint8)).save(source / f"{number}.bmp")
    report, _ = imported(source)
    assert [warning.split(";")[0] for warning in report.warnings] == [
        "0.bmp: every pixel is donor",
        "1.bmp and 1 more files: every pixel is acceptor",
    ]
    assert report.to_dict()["warnings"] == list(report.warnings)
    assert main(["import", str(source), "--out", str(source.parent / "b.h5"), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["warnings"] == list(report.warnings)
    assert "morphsim import: warning: 0.bmp: every pixel is donor" in said.err
    with pytest.warns(FrameWarning, match=r"0\.bmp: every pixel is donor"):
        read_target_frames(source / "0.bmp")
    np.save(source / "film.npy", np.stack([0 * FRAME, 0 * FRAME + 1]))
    with pytest.warns(FrameWarning, match="each frame holds one phase alone"):
        read_any(source / "film.npy")


def test_texts_beside_images_have_another_convention(source):
    Image.fromarray(FRAME * 255).save(source / "a.png")
    np.savetxt(source / "b.txt", FRAME, fmt="%d")
    report, frames = imported(source)
    np.testing.assert_array_equal(frames.frames[0], 1 - frames.frames[1])
    (warning,) = report.warnings
    assert "two conventions" in warning and "b.txt" in warning and "a.png" in warning
    (source / "a.png").unlink()
    assert imported(source)[0].warnings == ()


@pytest.mark.parametrize("name", ["afmhot", "viridis"])
@pytest.mark.parametrize("palette", [False, True])
def test_colour_maps_are_warned_of(source, name, palette):
    share = np.linspace(0, 1, 64)[None].repeat(9, axis=0)
    picture = Image.fromarray((matplotlib.colormaps[name](share)[..., :3] * 255).astype(np.uint8))
    (picture.quantize(256) if palette else picture).save(source / "a.png")
    with pytest.warns(FrameWarning, match=f"colours.*{name}"):
        read_any(source / "a.png")
    (warning,) = imported(source)[0].warnings
    assert warning.startswith("a.png: its colours were turned into shades of grey")


@pytest.mark.parametrize(
    ("dark", "bright"),
    [((20, 52, 108), (250, 190, 70)), ((250, 190, 70), (255, 255, 255)), ((0, 0, 9), (40, 0, 0))],
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_two_colours_are_two_phases(tmp_path, dark, bright, mode):
    picture = Image.fromarray(np.array([dark, bright], np.uint8)[FRAME])
    (picture.quantize(2) if mode == "P" else picture.convert(mode)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_any(tmp_path / "a.png").frames[0], FRAME)
    np.testing.assert_array_equal(read_any(tmp_path / "a.png", invert=True).frames[0], 1 - FRAME)


def test_two_colours_of_one_brightness_are_refused(tmp_path):
    Image.fromarray(np.array([[0, 50, 0], [0, 0, 255]], np.uint8)[FRAME]).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="equally bright"):
        read_any(tmp_path / "a.png")


def test_two_colours_over_the_pages_of_a_file(tmp_path):
    colours = np.array([[250, 190, 70], [255, 255, 255]], np.uint8)
    pages = [Image.fromarray(colours[values]) for values in (FRAME, 0 * FRAME, 1 - FRAME)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    np.testing.assert_array_equal(read_any(tmp_path / "a.tif").frames, [FRAME, 0 * FRAME, 1 - FRAME])


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_a_pattern_in_the_transparency_is_not_lost(tmp_path, kind):
    picture = np.zeros((*FRAME.shape, 4), np.uint8)
    picture[..., 3] = FRAME * 255
    Image.fromarray(picture).save(tmp_path / f"a.{kind}")
    with pytest.raises(InputError, match="transparency"):
        read_any(tmp_path / f"a.{kind}")
    picture[..., :3] = FRAME[..., None] * 255
    Image.fromarray(picture).save(tmp_path / f"b.{kind}")
    with pytest.warns(FrameWarning, match="transparency was ignored"):
        found = read_any(tmp_path / f"b.{kind}").frames[0]
    np.testing.assert_array_equal(found, FRAME)


@pytest.mark.parametrize(
    ("kind", "dtype", "high"),
    [
        ("png", np.uint16, 255),
        ("tif", np.uint16, 255),
        ("tif", np.int32, 255),
        ("tif", np.int32, 65535),
        ("tif", np.uint32, 2**32 - 1),
        ("tif", np.float32, 255),
        ("png", np.uint16, 65535),
        ("png", np.uint16, 1),
    ],
)
def test_masks_in_deep_images(tmp_path, kind, dtype, high):
    values = FRAME.astype(dtype) * dtype(high)
    if dtype == np.uint32:
        # Pillow has signed integers only; -1 has the bits of the largest unsigned one.
        values = values.view(np.int32)
    Image.fromarray(values).save(tmp_path / f"a.{kind}")
    np.testing.assert_array_equal(read_any(tmp_path / f"a.{kind}").frames[0], FRAME)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("high", [255, None])
def test_numbers_that_grow_towards_black(tmp_path, dtype, high):
    high = np.iinfo(dtype).max if high is None else high
    Image.fromarray((1 - FRAME).astype(dtype) * dtype(high)).save(tmp_path / "a.tif")
    content = bytearray((tmp_path / "a.tif").read_bytes())
    start = int.from_bytes(content[4:8], "little") + 2
    for entry in range(start, start + 12 * int.from_bytes(content[start - 2 : start], "little"), 12):
        if int.from_bytes(content[entry : entry + 2], "little") == 262:
            content[entry + 8 : entry + 10] = b"\0\0"
    (tmp_path / "a.tif").write_bytes(content)
    np.testing.assert_array_equal(read_any(tmp_path / "a.tif").frames[0], FRAME)


def test_images_beyond_the_stated_sizes(tmp_path, monkeypatch):
    header = b"IHDR" + struct.pack(">IIBBBBB", 20000, 20000, 8, 0, 0, 0, 0)
    chunks = [header, b"IDAT" + zlib.compress(b"")]
    png = b"\x89PNG\r\n\x1a\n"
    for chunk in chunks:
        png += struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "large.png").write_bytes(png)
    with pytest.raises(InputError, match=r"its 20000 x 20000 pixels exceed the limit of 134217728"):
        read_any(tmp_path / "large.png")
    with monkeypatch.context() as smaller:
        smaller.setattr(images_module, "MOST_PIXELS", 100)
        Image.new("1", (20, 10)).save(tmp_path / "large.tif")
        with pytest.raises(InputError, match=r"its 20 x 10 pixels exceed the limit of 100"):
            read_any(tmp_path / "large.tif")
    monkeypatch.setattr(images_module, "MOST_PIXELS_IN_FILE", 300)
    for kind in ("gif", "tif"):
        pages = [Image.fromarray(np.roll(FRAME, page, axis=0) * 255) for page in range(3)]
        pages[0].save(tmp_path / f"a.{kind}", save_all=True, append_images=pages[1:])
        with pytest.raises(InputError, match=r"its 3 pages of 14 x 9 pixels exceed the limit of 300"):
            read_any(tmp_path / f"a.{kind}")
    monkeypatch.setattr(images_module, "MOST_PAGES", 2)
    with pytest.raises(InputError, match="its 3 pages exceed the limit of 2"):
        read_any(tmp_path / "a.gif")
    monkeypatch.setattr(images_module, "MOST_PAGES", 3)
    sizes = [Image.new("L", size, 255) for size in ((4, 4), (4, 4), (40, 40))]
    sizes[0].save(tmp_path / "b.tif", save_all=True, append_images=sizes[1:])
    with pytest.raises(InputError, match="exceed the limit of 300"):
        read_any(tmp_path / "b.tif")


def test_other_formats_are_not_read_whatever_the_suffix(tmp_path):
    (tmp_path / "a.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    with pytest.raises(InputError, match="not an image of a kind that can be read"):
        read_any(tmp_path / "a.png")


def image_bytes(data, folder):
    """An image file of any mode, pages and format, as bytes."""
    mode = data.draw(st.sampled_from(["1", "L", "RGB", "RGBA", "LA", "P", "I;16", "I", "F"]))
    kind = data.draw(st.sampled_from(["png", "tif", "gif"] if mode not in {"I;16", "I", "F"} else ["tif"]))
    size = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    count = data.draw(st.integers(1, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    deep = {"I;16": np.uint16, "I": np.int32, "F": np.float32}
    pages = []
    for _ in range(count):
        if mode in deep:
            pages.append(Image.fromarray((rng.random(size) * 2**15).astype(deep[mode])))
        else:
            pages.append(Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).convert(mode))
    path = folder / f"a.{kind}"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path, bytearray(path.read_bytes())


@pytest.mark.filterwarnings("ignore::morphsim.errors.FrameWarning")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_image_gives_frames_or_a_reason(tmp_path, data):
    path, content = image_bytes(data, tmp_path)
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        how = data.draw(st.sampled_from(["change", "cut", "double", "insert"]))
        if how == "change":
            content[place] = data.draw(st.integers(0, 255))
        elif how == "cut":
            del content[place : place + data.draw(st.integers(1, 20))]
        elif how == "double":
            content += content[place:]
        else:
            content[place:place] = data.draw(st.binary(max_size=8))
        if not content:
            break
    path.write_bytes(bytes(content))
    try:
        frames = read_any(path).frames
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert frames.ndim == 3 and frames.dtype == np.uint8 and frames.max() <= 1


def test_links_are_followed(source, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "two").mkdir(parents=True)
    (source / "one").mkdir()
    for folder in (source / "one", elsewhere / "two", elsewhere):
        Image.fromarray(FRAME * 255).save(folder / "frame_1.png")
    (source / "two").symlink_to(elsewhere / "two")
    (source / "again").symlink_to(source / "one")
    (source / "loop").symlink_to(source)
    (source / "up").symlink_to(tmp_path)
    (source / "one" / "link.png").symlink_to(elsewhere / "frame_1.png")
    (source / "broken").symlink_to(tmp_path / "none")
    (source / "circle").symlink_to(source / "circle")
    os.mkfifo(source / "pipe")
    report, frames = imported(source)
    assert frames.columns["source"].tolist() == ["one/frame_1.png", "one/link.png", "two/frame_1.png"]
    reasons = dict(report.dropped)
    assert set(reasons) == {"again", "loop", "up", "broken", "circle", "pipe"}
    assert "read already" in reasons["again"] and "read already" in reasons["loop"]
    assert "contains the source" in reasons["up"]
    assert reasons["broken"].startswith("it is a broken link")
    assert reasons["circle"].startswith("it is a broken link")
    assert reasons["pipe"] == "it is not a regular file"
    # The source itself may be a link.
    (tmp_path / "link").symlink_to(source)
    assert imported(tmp_path / "link")[0].frames == 3


def test_folders_linked_in_a_circle_are_read_once(source, tmp_path):
    for name in "abc":
        (tmp_path / name).mkdir()
        Image.fromarray(FRAME * 255).save(tmp_path / name / "1.png")
        for other in "abc":
            (tmp_path / name / other).symlink_to(tmp_path / other)
    (source / "start").symlink_to(tmp_path / "a")
    assert imported(source)[0].frames == 3


def test_a_folder_that_may_not_be_read_is_listed(source, monkeypatch):
    Image.fromarray(FRAME * 255).save(source / "a.png")
    (source / "closed").mkdir()
    scan = os.scandir

    def refuse(folder):
        if str(folder).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    ((name, reason),) = imported(source)[0].dropped
    assert name == "closed"
    assert "Permission denied" in reason


def test_names_that_are_not_text(source):
    path = os.fsencode(source) + b"/film_\xff\xe9_3.png"
    Image.fromarray(FRAME * 255).save(source / "a.png")
    os.rename(source / "a.png", path)  # noqa: PTH104
    frames = imported(source)[1]
    assert frames.columns["source"].tolist() == [r"film_\xff\xe9_3.png"]
    assert frames.columns["time"].tolist() == [3.0]


def test_score_warns_of_its_frames_and_target(tmp_path, capsys, monkeypatch):
    def score_nothing(self):
        read_target_frames(self.target)

    monkeypatch.setattr("morphsim._commands.score.Options.run", score_nothing)
    Image.fromarray(0 * FRAME).save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main(["score", "film.h5", "--target", str(tmp_path / "a.png")]) == 0
    assert capsys.readouterr().err.startswith(
        f"morphsim score: warning: {tmp_path}/a.png: every pixel is acceptor; "
    )

"""CSV, MAT, VTK and TIFF stacks are read as they were written, and broken ones refused in one line."""

from __future__ import annotations

import base64
import struct
import sys
import zlib

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy import io

from morphsim.errors import FrameWarning, InputError, MachineError
from morphsim.frames import Preparation, read_any
from morphsim.frames.matlab import read_matlab
from morphsim.frames.text_pictures import read_csv
from morphsim.frames.tiff_stacks import read_stack
from morphsim.frames.vtk_images import read_vtk
from morphsim.simulator import AnnealingRecipe, record_film
from morphsim.simulator.export import write_vtk

FRAME = np.random.default_rng(0).integers(0, 2, (6, 9), np.uint8)
GREY = np.random.default_rng(1).integers(0, 256, (6, 9)).astype(np.uint8)
SHARES = np.random.default_rng(2).random((6, 9))
FILES = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
SHAPES = st.tuples(st.integers(1, 6), st.integers(2, 6))


# --- CSV


@FILES
@given(
    values=arrays(np.float64, SHAPES, elements=st.floats(allow_nan=False, allow_infinity=False)),
    separator=st.sampled_from([",", ";", "\t"]),
)
def test_numbers_of_a_table_come_back(tmp_path, values, separator):
    np.savetxt(tmp_path / "a.csv", values, delimiter=separator, fmt="%.17g", header="in metres")
    np.testing.assert_array_equal(read_csv(tmp_path / "a.csv"), values)


def test_tables_of_other_programs(tmp_path):
    (tmp_path / "a.csv").write_bytes("\ufeff0,5;1\r\n\r\n-2e-9;3,25\r\n".encode())
    np.testing.assert_array_equal(read_csv(tmp_path / "a.csv"), [[0.5, 1], [-2e-9, 3.25]])
    (tmp_path / "a.csv").write_bytes("1,2,\n3,4,\n".encode("utf-16"))
    found = read_csv(tmp_path / "a.csv")
    np.testing.assert_array_equal(found, [[1, 2], [3, 4]])
    assert found.dtype == np.int64
    np.savetxt(tmp_path / "a.tsv", FRAME, delimiter="\t", fmt="%d")
    np.testing.assert_array_equal(read_any(tmp_path / "a.tsv").frames[0], FRAME)
    np.savetxt(tmp_path / "a.csv", GREY, delimiter=",", fmt="%d")
    np.testing.assert_array_equal(read_any(tmp_path / "a.csv").frames[0], GREY >= 128)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("# a remark\n\n", "empty"),
        ("a.png,3\n", r"line 1 holds 'a\.png'.*--table"),
        ("1,2\n3\n", "1 to 2 values"),
        ("1,2\n3,\n", "line 2 holds ''"),
        ("1,nan\n2,3\n", "NaN"),
        ("1 2\n3 4\n", "line 1 holds '1 2'"),
        ("7\n", "single number"),
        ("1,1_0\n", "1_0"),
        ('1,"2\n', "not a table"),
    ],
)
def test_tables_that_are_no_pictures(tmp_path, text, words):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        read_any(tmp_path / "a.csv")


# --- MAT


def save_v73(path, **variables):
    """As MATLAB stores them: columns first, behind a header of 512 bytes."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in variables.items():
            file[name] = np.asarray(values).T
            file[name].attrs["MATLAB_class"] = np.bytes_(str(np.asarray(values).dtype))
    content = bytearray(path.read_bytes())
    content[: len(b"MATLAB 7.3 MAT-file")] = b"MATLAB 7.3 MAT-file"
    path.write_bytes(content)


SAVE = {"v5": lambda path, **variables: io.savemat(path, variables, do_compression=True), "v7.3": save_v73}


@pytest.mark.parametrize("version", SAVE)
def test_a_mat_file_gives_the_only_picture(tmp_path, version):
    path = tmp_path / "a.mat"
    SAVE[version](path, phi=SHARES, rpm=np.array([[2000.0]]))
    np.testing.assert_array_equal(read_any(path).frames[0], SHARES >= 0.5)
    SAVE[version](path, phi=SHARES, height=GREY)
    with pytest.raises(
        InputError, match=r"no array 'frames', only .*; choose one with `morphsim import --array NAME"
    ):
        read_any(path)
    np.testing.assert_array_equal(read_any(path, array="height").frames[0], GREY >= 128)
    with pytest.raises(InputError, match="no array 'depth'"):
        read_any(path, array="depth")


@pytest.mark.parametrize("version", SAVE)
@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_stacks_of_matlab_have_their_pages_last(tmp_path, version, count):
    pages = np.random.default_rng(0).integers(0, 2, (count, 6, 9), np.uint8)
    SAVE[version](tmp_path / "a.mat", stack=np.moveaxis(pages, 0, -1))
    np.testing.assert_array_equal(read_any(tmp_path / "a.mat").frames, pages)


@pytest.mark.parametrize("version", SAVE)
def test_colours_and_masks_of_matlab(tmp_path, version):
    colours = np.repeat(GREY[..., None], 3, axis=-1)
    SAVE[version](tmp_path / "a.mat", picture=colours)
    np.testing.assert_array_equal(read_any(tmp_path / "a.mat").frames, (GREY >= 128)[None])
    SAVE[version](tmp_path / "a.mat", mask=FRAME.astype(bool))
    np.testing.assert_array_equal(read_any(tmp_path / "a.mat").frames[0], FRAME)


@FILES
@given(
    values=arrays(
        st.sampled_from([np.float64, np.float32, np.uint8, np.int16]), st.tuples(*[st.integers(2, 6)] * 2)
    ),
    version=st.sampled_from(sorted(SAVE)),
)
def test_values_of_a_mat_file_come_back(tmp_path, values, version):
    SAVE[version](tmp_path / "a.mat", values=values)
    np.testing.assert_array_equal(read_matlab(tmp_path / "a.mat"), values)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"a": np.array([[FRAME, 1]], object)}, "class cell"),
        ({"a": {"b": FRAME}}, "class struct"),
        ({"a": "a text"}, "class char"),
        ({"a": 1j * SHARES}, "real numbers"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(tmp_path, variables, words):
    io.savemat(tmp_path / "a.mat", variables)
    with pytest.raises(InputError, match=words):
        read_any(tmp_path / "a.mat", array="a")


# --- VTK


def test_our_own_exports_are_read(tmp_path):
    recipe = AnnealingRecipe(duration=0.002)
    snapshots = list(record_film(recipe, seed=1, frames=2, shape=(8, 24)))
    write_vtk(tmp_path / "film.pvd", snapshots, width=recipe.width)
    path = tmp_path / "film_vti" / "000001.vti"
    # Cells from the substrate upwards; row 0 of a frame is the surface. The scalars are the donor share.
    np.testing.assert_allclose(read_vtk(path), snapshots[1].share, atol=1e-6)
    np.testing.assert_allclose(read_vtk(path, name="acceptor"), snapshots[1].acceptor, atol=1e-6)
    np.testing.assert_array_equal(read_any(path).frames[0], snapshots[1].share >= 0.5)
    with pytest.raises(InputError, match="only donor, acceptor, solvent, share"):
        read_any(path, array="height")


def vti(values, *, kind="appended", compressed=False, points=False, encoding="raw", dtype="<f8"):
    """An image of the values (H, W) in the plane of x and y, the last row at the bottom."""
    height, width = values.shape
    height, width = (height - 1, width - 1) if points else (height, width)
    upwards = np.ascontiguousarray(values[::-1]).astype(dtype)
    raw = upwards.tobytes()
    if compressed:
        half = len(raw) // 2
        blocks = [raw[:half], raw[half:]]
        packed = [zlib.compress(block) for block in blocks]
        header = struct.pack("<5I", 2, half, len(raw) - half, *map(len, packed))
        data = header + b"".join(packed)
        text = base64.b64encode(header) + base64.b64encode(b"".join(packed))
    else:
        data = struct.pack("<I", len(raw)) + raw
        text = base64.b64encode(data)
    place = "PointData" if points else "CellData"
    number = {"f8": "Float64", "u1": "UInt8"}[dtype[-2:]]
    inline = {"ascii": " ".join(map(str, upwards.ravel())).encode(), "binary": text}.get(kind, b"")
    tail = data if encoding == "raw" else text
    appended = b'<AppendedData encoding="%s">_%s</AppendedData>' % (encoding.encode(), tail)
    return b"".join(
        [
            b'<?xml version="1.0"?><VTKFile type="ImageData" byte_order="LittleEndian"',
            b' compressor="vtkZLibDataCompressor"' if compressed else b"",
            f'><ImageData WholeExtent="0 {width} 0 {height} 0 0"><Piece Extent="0 {width} 0 {height} 0 0">'
            f'<{place}><DataArray type="{number}" Name="z" format="{kind}" offset="0">'.encode(),
            inline,
            f"</DataArray></{place}></Piece></ImageData>".encode(),
            appended if kind == "appended" else b"",
            b"</VTKFile>",
        ]
    )


@pytest.mark.parametrize("points", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"kind": "ascii"},
        {"kind": "binary"},
        {"kind": "binary", "compressed": True},
        {"kind": "appended"},
        {"kind": "appended", "compressed": True},
        {"kind": "appended", "encoding": "base64"},
        {"kind": "appended", "encoding": "base64", "compressed": True},
    ],
)
def test_every_encoding_of_vti(tmp_path, options, points):
    (tmp_path / "a.vti").write_bytes(vti(SHARES, points=points, **options))
    np.testing.assert_array_equal(read_vtk(tmp_path / "a.vti"), SHARES)
    np.testing.assert_array_equal(read_any(tmp_path / "a.vti").frames[0], SHARES >= 0.5)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("field", [False, True])
def test_structured_points(tmp_path, binary, field):
    stack = np.random.default_rng(0).random((2, 6, 9))
    upwards = np.ascontiguousarray(np.flip(stack, axis=1)).astype(">f8")
    values = upwards.tobytes() if binary else " ".join(map(repr, upwards.ravel().tolist())).encode()
    header = "FIELD data 1\nz 1 108 double" if field else "SCALARS z double 1\nLOOKUP_TABLE default"
    geometry = "DATASET STRUCTURED_POINTS\nDIMENSIONS 9 6 2\nORIGIN 0 0 0\nSPACING 1 1 1\nPOINT_DATA 108"
    kind = "BINARY" if binary else "ASCII"
    start = f"# vtk DataFile Version 3.0\nheights\n{kind}\n{geometry}\n{header}\n"
    (tmp_path / "a.vtk").write_bytes(start.encode() + values + b"\n")
    np.testing.assert_array_equal(read_vtk(tmp_path / "a.vtk"), stack)


def test_other_vtk_files_are_refused(tmp_path):
    path = tmp_path / "a.vti"
    for content, words in (
        (b"<VTKFile type='PolyData'><PolyData/></VTKFile>", "not VTK image data"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><VTKFile/>", "entities"),
        (vti(SHARES).replace(b"Float64", b"String"), "of the type 'String'"),
        (vti(SHARES, kind="ascii").replace(b'"0 9 0 6', b'"0 9 0 7'), "54 values"),
        (vti(SHARES, compressed=True).replace(b"ZLib", b"LZMA"), "compressed by vtkLZMA"),
        (b"# vtk DataFile Version 3.0\n\nASCII\nDATASET POLYDATA\n", "POLYDATA"),
        (b"# vtk DataFile Version 3.0\n\nASCII\nDATASET STRUCTURED_POINTS\n", "no array"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=words):
            read_any(path)


def test_a_block_never_expands_beyond_the_extent(tmp_path):
    bomb = zlib.compress(bytes(2**24), 9)
    header = struct.pack("<4I", 1, 432, 0, len(bomb))
    text = base64.b64encode(header) + base64.b64encode(bomb)
    content = vti(SHARES, kind="binary", compressed=True)
    start, end = content.index(b'offset="0">') + 11, content.index(b"</DataArray>")
    (tmp_path / "a.vti").write_bytes(content[:start] + text + content[end:])
    with pytest.raises(InputError, match="expands beyond"):
        read_any(tmp_path / "a.vti")


# --- TIFF


def test_channels_of_a_stack_are_chosen(tmp_path):
    stack = np.random.default_rng(0).integers(0, 256, (3, 2, 6, 9)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, metadata={"axes": "TCYX"})
    tifffile.imwrite(tmp_path / "b.tif", stack, imagej=True, metadata={"axes": "TCYX"})
    for name in ("a.ome.tif", "b.tif"):
        with pytest.raises(InputError, match=r"2 channels.*--array 0 to --array 1"):
            read_any(tmp_path / name)
        for channel in (0, 1):
            found = read_any(tmp_path / name, array=str(channel)).frames
            np.testing.assert_array_equal(found, stack[:, channel] >= 128)


# ImageJ has no double precision.
TYPES = {"ome": "f8 f4 i2 u2 u1", "imagej": "f4 i2 u2 u1", "plain": "f8 f4 i2 u2 u1"}


@pytest.mark.parametrize(
    ("kind", "dtype"), [(kind, dtype) for kind, names in TYPES.items() for dtype in names.split()]
)
def test_pages_of_every_type(tmp_path, kind, dtype):
    options = {} if kind == "plain" else {kind: True}
    stack = np.random.default_rng(0).integers(0, 100, (3, 6, 9)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack", metadata={"axes": "TYX"}, **options)
    found = read_any(tmp_path / "a.tif", preparation=Preparation(rule="median")).frames
    np.testing.assert_array_equal(found, [page >= np.median(page) for page in stack])


def test_other_files_of_an_ome_set_are_not_read(tmp_path):
    """A file may name others that hold more of its pages."""
    parts = "".join(
        f'<TiffData FirstT="{t}" IFD="0"><UUID FileName="{name}.ome.tif">urn:uuid:{name}</UUID></TiffData>'
        for t, name in enumerate("ab")
    )
    for name, value in (("a", 200), ("b", 0)):
        text = (
            '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:{name}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" '
            'Type="uint8" SizeX="9" SizeY="6" SizeC="1" SizeZ="1" SizeT="2"><Channel ID="Channel:0"/>'
            f"{parts}</Pixels></Image></OME>"
        )
        page = np.full((6, 9), value, np.uint8)
        tifffile.imwrite(tmp_path / f"{name}.ome.tif", page, description=text, metadata=None)
    # Others would open both files.
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        assert (file.series[0].asarray()[:, 0, 0] == [200, 0]).all()
    values, _ = read_stack(tmp_path / "a.ome.tif")
    assert values.shape == (1, 6, 9) and values.min() == 200
    (tmp_path / "b.ome.tif").unlink()
    with pytest.warns(FrameWarning, match="every pixel is donor"):
        assert read_any(tmp_path / "a.ome.tif").frames.shape == (1, 6, 9)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    stack = np.zeros((2, 2, 6, 9), np.uint8)
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, metadata={"axes": "TCYX"})
    tifffile.imwrite(tmp_path / "b.tif", SHARES)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    monkeypatch.setattr("morphsim.frames.images.is_installed", lambda: False)
    for name in ("a.ome.tif", "b.tif"):
        with pytest.raises(InputError, match=r"tifffile.*pip install 'morphsim\[tiff\]'"):
            read_any(tmp_path / name)
    # What Pillow reads needs no other package.
    tifffile.imwrite(tmp_path / "c.tif", GREY)
    np.testing.assert_array_equal(read_any(tmp_path / "c.tif").frames[0], GREY >= 128)


def test_a_damaged_strip_is_not_read_as_zeros(tmp_path):
    noise = np.random.default_rng(0).random((32, 64))
    tifffile.imwrite(tmp_path / "a.tif", noise, compression="zlib")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        start = file.pages[0].dataoffsets[0]
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[start + 40 : start + 60] = bytes(20)
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(InputError, match=r"damaged|truncated"):
        read_any(tmp_path / "a.tif")


# --- all


def samples(folder):
    """A valid file of each kind."""
    np.savetxt(folder / "a.csv", SHARES, delimiter=",")
    SAVE["v5"](folder / "a5.mat", phi=SHARES)
    SAVE["v7.3"](folder / "a73.mat", phi=SHARES)
    (folder / "a.vti").write_bytes(vti(SHARES, compressed=True))
    (folder / "b.vti").write_bytes(vti(SHARES, kind="binary"))
    tifffile.imwrite(folder / "a.tif", SHARES)
    tifffile.imwrite(folder / "b.ome.tif", np.stack([GREY] * 2), metadata={"axes": "CYX"})
    Image.fromarray(GREY).save(folder / "c.tif")
    return sorted(folder.iterdir())


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.filterwarnings("ignore::morphsim.errors.FrameWarning")
def test_a_broken_file_is_an_error_in_one_line(tmp_path, data):
    (tmp_path / "good").mkdir(exist_ok=True)
    path = data.draw(st.sampled_from(samples(tmp_path / "good")), label="file")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4), label="changes")):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    broken = tmp_path / f"broken{path.suffix}"
    broken.write_bytes(content[: data.draw(st.integers(0, len(content)), label="length")])
    try:
        frames = read_any(broken, array=data.draw(st.sampled_from(["frames", "0", "phi"]))).frames
        assert frames.dtype == np.uint8 and frames.max() <= 1
    except (InputError, MachineError) as error:
        assert "\n" not in str(error)

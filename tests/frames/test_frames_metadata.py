"""A table of metadata gives recipes and replicas to the films of an import."""

from __future__ import annotations

import numpy as np
import pytest

from morphsim.errors import InputError
from morphsim.frames import frame_labels, recipe_labels
from tests.frames.micrographs import pattern

TABLE = """file,rpm,temperature [°C],replicate,efficiency (%),operator
a1.png,1000,25,1,3.1,Ada
a2,1000,25,2,3.4,Ada
b1,2000,25,1,2.0,Emmy
b2.npy,2000,25,2,,Emmy
"""


@pytest.fixture
def films(tmp_path, run):
    """Four pictures and a table in one folder; returns the import."""
    for number, name in enumerate(("a1", "a2", "b1", "b2")):
        np.save(tmp_path / "source" / f"{name}.npy", pattern((16, 24), 2, number))

    def imported(text=TABLE, **options):
        table = tmp_path / "source" / "metadata.csv"
        table.write_text(text.replace("a1.png", "a1.npy"), encoding="utf-8")
        return run(table=table, overwrite=True, **{"recipe": ("rpm", "temperature"), **options})

    return imported


def test_replicas_share_a_recipe(films):
    report, found = films()
    assert report.dropped == () and report.warnings == ()
    assert (report.files, found.trajectories) == (4, 4)
    assert found.recipes["rpm"].tolist() == [1000, 1000, 2000, 2000]
    assert set(found.recipes) == {"rpm", "temperature"}
    assert recipe_labels(found).tolist() == [0, 0, 1, 1]
    assert frame_labels(found).tolist() == [0, 0, 1, 1]
    assert found.columns["efficiency"][:3].tolist() == [3.1, 3.4, 2.0]
    assert np.isnan(found.columns["efficiency"][3])
    assert found.columns["operator"].tolist() == ["Ada", "Ada", "Emmy", "Emmy"]
    assert found.columns["source"].tolist() == ["a1.npy", "a2.npy", "b1.npy", "b2.npy"]
    assert found.units == {"temperature": "°C", "efficiency": "%"}


def test_a_column_recipe_needs_no_option(films):
    _, found = films("file;recipe;yield\na1;dry;1,5\na2;dry;2,5\nb1;wet;3\nb2;wet;4\n", recipe=())
    assert found.recipes["recipe"].tolist() == ["dry", "dry", "wet", "wet"]
    assert found.columns["yield"].tolist() == [1.5, 2.5, 3, 4]
    assert recipe_labels(found).tolist() == [0, 0, 1, 1]


def test_without_replicas_a_warning_names_the_columns(films):
    report, found = films("file,rpm,efficiency\na1,1,3.1\na2,1,3.4\nb1,2,2.0\nb2,2,2.1\n", recipe=())
    assert len(set(recipe_labels(found).tolist())) == 4
    (warning,) = report.warnings
    assert "no two films share a recipe (columns rpm, efficiency)" in warning and "--recipe" in warning


def test_pictures_of_one_film(films):
    # By recipe and replicate, or by a column of its own.
    text = "file,rpm,replicate,time\na1,1,1,20\na2,1,1,10\nb1,1,2,10\nb2,1,2,20\n"
    for table in (text, text.replace("replicate", "film")):
        _, found = films(table, recipe=("rpm",))
        assert found.trajectories == 2
        assert found.trajectory.tolist() == [0, 0, 1, 1]
        assert found.columns["time"].tolist() == [10, 20, 10, 20]
        assert found.columns["source"].tolist() == ["a2.npy", "a1.npy", "b1.npy", "b2.npy"]
        assert frame_labels(found).tolist() == [0, 1, 0, 1]
    # A file without a name of a film is a film of its own.
    assert films(text.replace("a1,1,1", "a1,1,"), recipe=("rpm",))[1].trajectories == 3
    with pytest.raises(InputError, match=r"film 1 has the rpm 1\.0 in one file and 2\.0 in another"):
        films(text.replace("replicate", "film").replace("a2,1", "a2,2"), recipe=("rpm",))


def test_files_and_rows_without_a_partner_are_counted(films, tmp_path):
    text = "\n".join(TABLE.splitlines()[:3]) + "\nc1,1,25,1,1,Ada\nc2,1,25,1,1,Ada\n"
    report, found = films(text)
    assert len(found) == 2
    assert [name for name, _ in report.dropped] == ["b1.npy", "b2.npy"]
    assert all("no row in" in reason and "metadata.csv" in reason for _, reason in report.dropped)
    (warning,) = report.warnings
    assert "2 of 4 rows name no file that was imported (c1, c2)" in warning
    with pytest.raises(InputError, match=r"no row of .*metadata\.csv names a file.*begins with x,.*a1\.npy"):
        films("file,rpm\nx,1\n", recipe=())


def test_folders_and_suffixes(films, tmp_path):
    (tmp_path / "source" / "day2").mkdir()
    np.save(tmp_path / "source" / "day2" / "a1.npy", pattern((16, 24), 2, 9))
    with pytest.raises(InputError, match=r"row a1\.npy .* could be of a1\.npy or of day2/a1\.npy"):
        films()
    _, found = films("file,rpm\na1,1\nday2\\a1,2\na2,1\nb1,2\n", recipe=())
    assert dict(zip(found.columns["source"].tolist(), found.recipes["rpm"].tolist(), strict=True)) == {
        "a1.npy": 1, "a2.npy": 1, "b1.npy": 2, "day2/a1.npy": 2,
    }  # fmt: skip


def test_the_size_of_pixels_may_differ(films):
    text = "file,rpm,pixel_size [nm]\na1,1,2\na2,1,2\nb1,2,4\nb2,2,4\n"
    report, found = films(text, recipe=(), pixel_size=7.0)
    assert found.columns["pixel_width"].tolist() == [2, 2, 4, 4]
    (warning,) = report.warnings
    assert "2 to 4 nm wide" in warning
    with pytest.raises(InputError, match="must be in nm"):
        films(text.replace("nm", "µm"), recipe=())
    with pytest.raises(InputError, match="positive lengths"):
        films(text.replace(",4", ","), recipe=())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "header"),
        ("file,rpm\n", "header"),
        ("file\na1\n", "header"),
        ("file,rpm\na1,1,2\n", "row 1 has 3 cells"),
        ("file,rpm,rpm\na1,1,2\n", "'rpm'"),
        ("file,rpm,\na1,1,2\n", "''"),
        ("file,rpm,source\na1,1,2\n", "'source'"),
        ("file,rpm,a/b\na1,1,2\n", "'a/b'"),
        ("file,rpm\na1,1\na1,2\n", "two rows for 'a1'"),
        ("file,rpm\na1,1\na1.npy,2\n", "rows a1.npy and a1, which both fit a1.npy"),
        ("file,rpm\na1,\n", "1 rows have no rpm"),
        ("file,rpm\na1,inf\n", "infinite"),
        ("file,rpm,time\na1,1,soon\n", "column time holds text"),
        ("file,speed\na1,1\n", "no recipe column 'rpm'; use one of speed"),
    ],
)
def test_bad_tables(films, text, words):
    with pytest.raises(InputError, match=words):
        films(text, recipe=("rpm",))


def test_options_without_a_table(run, tmp_path):
    with pytest.raises(InputError, match="--table"):
        run(recipe=("rpm",))
    np.save(tmp_path / "source" / "a.npy", pattern((16, 24), 2, 0))
    with pytest.raises(InputError, match="does not exist; --table names a CSV file"):
        run(table=tmp_path / "none.csv")

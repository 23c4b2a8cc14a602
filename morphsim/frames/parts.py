"""The folder of an unfinished data set: complete films, and the plan that they belong to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from morphsim.errors import InputError
from morphsim.files import write_text
from morphsim.frames.films import failure_of, is_done, part_path
from morphsim.frames.plan import DatasetPlan
from morphsim.locks import claimed_file
from morphsim.system_errors import explain
from morphsim.temporary import remove_leftovers
from morphsim.text_files import read_text

_OWN_FILES = ("film-*.h5", "film-*.json")


class Parts:
    """The folder `OUT.parts` beside the file OUT that is being made.

    Args:
        out: the file to make.
        plan: what it will hold.
    """

    def __init__(self, out: Path, plan: DatasetPlan) -> None:
        self.out = out
        self.plan = plan
        self.folder = out.with_name(out.name + ".parts")
        self._plan_file = self.folder / "plan.json"

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Lock the folder for this run, and check that it belongs to this plan.

        Raises:
            InputError: it holds films of another plan, or can't be created.
            MachineError: another run is making the file, or the disk is full.
        """
        with claimed_file(self.out), self._made():
            if self._plan_file.exists():
                differences = self.plan.differences(read_text(self._plan_file))
                if differences:
                    raise InputError(
                        f"{self.folder} holds films of another plan ({'; '.join(differences)}); "
                        "name another --out, or delete that folder"
                    )
            else:
                # Films without a plan are left over from an interrupted removal.
                self._remove_films()
                write_text(self._plan_file, self.plan.to_json())
            yield

    def missing(self) -> list[int]:
        """Numbers of the films still to be made."""
        return [film for film in range(self.plan.films) if not is_done(self.folder, film)]

    def made(self) -> list[Path]:
        """Files of the complete films, ordered by number."""
        paths = (part_path(self.folder, film) for film in range(self.plan.films))
        return [path for path in paths if path.exists()]

    def failures(self) -> list[dict[str, object]]:
        """Records of the failed films, ordered by number."""
        records = (failure_of(self.folder, film) for film in range(self.plan.films))
        return [record for record in records if record is not None]

    def remove(self) -> None:
        """Delete what this class wrote; other files stay, and with them the folder."""
        self._remove_films()
        # Last, so that an interrupted removal never leaves films without a plan to compare with.
        self._plan_file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _made(self) -> Iterator[None]:
        """Create the folder, and remove it afterwards if it is empty."""
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise explain(error, self.folder) or error from error
        remove_leftovers(self.folder)
        try:
            yield
        finally:
            # Temporary files of workers that were killed.
            remove_leftovers(self.folder)
            with contextlib.suppress(OSError):
                self.folder.rmdir()

    def _remove_films(self) -> None:
        for pattern in _OWN_FILES:
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)

"""Files ``NAME-00003-of-00064.ENDING``, each of which one worker writes whole or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import InputError
from ..output.lock import locked
from ..output.paths import check_output_file
from ..output.replace import remove

_SHARDED = re.compile(r"(?P<name>.+?)@(?P<count>[1-9][0-9]*)(?P<ending>\.\w+)?")
_MOST = 100_000  # what five digits can name
_SECONDS = 10.0  # between two lines about what is done


@dataclasses.dataclass(frozen=True)
class Shards:
    """An output in parts.

    Attributes:
        folder: of the files.
        name: what theirs begin with.
        count: how many.
        ending: what theirs end with.
    """

    folder: Path
    name: str
    count: int
    ending: str

    @classmethod
    def of(cls, output: str, ending: str, named: str = "--output ") -> Shards:
        """Reads ``NAME@COUNT.ENDING``; the ending may be left out.

        Args:
            output: as given.
            ending: of the files.
            named: what stands before it in messages.

        Raises:
            InputError: for another form.
        """
        path = Path(output).expanduser()
        found = _SHARDED.fullmatch(path.name)
        if found is None or found["ending"] not in (None, ending) or int(found["count"]) > _MOST:
            raise InputError(
                f"{named}{output}: expected NAME@SHARDS{ending}, such as samples@64{ending}"
            )
        if not path.parent.is_dir():
            raise InputError(f"{named}{output}: there is no folder {path.parent}")
        return cls(path.parent, found["name"], int(found["count"]), ending)

    def file(self, number: int) -> Path:
        """The path of one of the files."""
        return self.folder / f"{self.name}-{number:05d}-of-{self.count:05d}{self.ending}"

    def beside(self, ending: str) -> Path:
        """The path of a file about all of them."""
        return self.folder / f"{self.name}{ending}"

    def files(self) -> list[Path]:
        """Those that are there, of any number of shards."""
        form = re.compile(rf"{re.escape(self.name)}-\d{{5}}-of-\d{{5}}{re.escape(self.ending)}")
        return sorted(one for one in self.folder.iterdir() if form.fullmatch(one.name))

    def check_free(
        self, endings: Sequence[str], overwrite: bool, inputs: Sequence[Path] = ()
    ) -> None:
        """Looks whether the output is there already.

        Args:
            endings: of the files beside the shards.
            overwrite: whether that is all right.
            inputs: files, and folders that are read as a whole.

        Raises:
            InputError: naming a file; or an output that cannot be written or would change an input.
        """
        check_output_file(self._whole, "", inputs)
        for one in [] if overwrite else self._all(endings):
            raise InputError(f"--output: {one} exists; give another name, or --overwrite")

    @contextlib.contextmanager
    def replacing(self, endings: Sequence[str]) -> Iterator[Shards]:
        """Gives the same shards in a folder of their own, and moves them here if all are there.

        What was here goes then, its last file first, and that of the new ones comes last: it stands
        for the whole.

        Args:
            endings: of the files beside the shards.
        """
        partial = dataclasses.replace(self, folder=self.folder.absolute() / f".{self.name}.partial")
        with locked(self._whole):
            remove(partial.folder)
            try:
                partial.folder.mkdir()
                yield partial
                for one in reversed(self._all(endings)):
                    remove(one)
                for one in [*map(partial.file, range(self.count)), *map(partial.beside, endings)]:
                    one.replace(self.folder / one.name)
            finally:
                remove(partial.folder)

    @property
    def _whole(self) -> Path:
        return self.folder / f"{self.name}@"

    def _all(self, endings: Sequence[str]) -> list[Path]:
        beside = map(self.beside, endings)
        return [*self.files(), *(one for one in beside if os.path.lexists(one))]

    @contextlib.contextmanager
    def writing(self, number: int) -> Iterator[Path]:
        """Gives a path of its own to whoever writes the file, also where two do at a time."""
        path = self.file(number)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            yield temporary
            temporary.replace(path)
        finally:
            remove(temporary)


@contextlib.contextmanager
def progress(shards: Shards, quiet: bool) -> Iterator[None]:
    """Says from time to time how many of the files are there."""
    done = threading.Event()

    def tell() -> None:
        told = 0
        while not done.wait(_SECONDS):
            written = len(shards.files())
            if written > told:
                print(f"{written:,} of {shards.count:,} files", file=sys.stderr)
            told = written

    teller = threading.Thread(target=tell, daemon=True)
    if not quiet:
        teller.start()
    try:
        yield
    finally:
        done.set()
        if not quiet:
            teller.join()

"""Files ``NAME-00003-of-00064.ENDING``, each of which one worker writes whole or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError
from ..output.replace import remove

_SHARDED = re.compile(r"(?P<name>.+?)@(?P<count>[1-9][0-9]*)(?P<ending>\.\w+)?")
_MOST = 100_000  # what five digits can name


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
    def of(cls, output: str, ending: str) -> Shards:
        """Reads ``NAME@COUNT.ENDING``; the ending may be left out.

        Raises:
            InputError: for another form.
        """
        path = Path(output).expanduser()
        found = _SHARDED.fullmatch(path.name)
        if found is None or found["ending"] not in (None, ending) or int(found["count"]) > _MOST:
            raise InputError(
                f"--output {output}: expected NAME@SHARDS{ending}, such as samples@64{ending}"
            )
        if not path.parent.is_dir():
            raise InputError(f"--output {output}: there is no folder {path.parent}")
        return cls(path.parent, found["name"], int(found["count"]), ending)

    def file(self, number: int) -> Path:
        """The path of one of the files."""
        return self.folder / f"{self.name}-{number:05d}-of-{self.count:05d}{self.ending}"

    def beside(self, ending: str) -> Path:
        """The path of a file about all of them."""
        return self.folder / f"{self.name}{ending}"

    def in_folder(self, folder: Path) -> Shards:
        """The same elsewhere."""
        return dataclasses.replace(self, folder=folder)

    def files(self) -> list[Path]:
        """Those that are there, of any number of shards."""
        form = re.compile(rf"{re.escape(self.name)}-\d{{5}}-of-\d{{5}}{re.escape(self.ending)}")
        return sorted(one for one in self.folder.iterdir() if form.fullmatch(one.name))

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

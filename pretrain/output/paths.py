"""What ``--output`` may name: something that can be written, and that is no input."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..config.places import KINDS
from ..config.shared import GraphOptions
from ..errors import InputError
from ..graph.planetoid import files_of as planetoid_files


def check_output_file(
    output: Path, content: str, inputs: Iterable[Path], named: str = "--output "
) -> None:
    """Refuses a file that cannot be written, or that would change an input; writes nothing.

    Args:
        output: as given.
        content: of the file, for messages.
        inputs: files, and folders that are read as a whole.
        named: what stands before the output in messages.

    Raises:
        InputError: naming the output and the reason.
    """
    if os.path.isdir(output):
        raise InputError(f"{named}{output} is a folder; expected a file for {content}")
    if not os.path.isdir(output.parent):
        raise InputError(f"{named}{output}: there is no folder {output.parent}")
    check_writable(output, named)
    changed = {output.resolve(), place(output)}
    for one in inputs:
        if any(
            path.is_relative_to(whole) for path in changed for whole in (one.resolve(), place(one))
        ):
            raise InputError(
                f"{named}{output} is an input or lies in an input, and would change it"
            )


def check_writable(output: Path, named: str = "--output ") -> None:
    """Tries to make a file in the folder, or beside the file, that ``--output`` names.

    Where there is none yet, in the nearest folder above it that exists.

    Raises:
        InputError: naming the output and the reason.
    """
    try:
        if os.path.islink(output) and not os.path.exists(output):
            raise InputError(f"{named}{output} is a link that leads nowhere")
        existing = output
        while not os.path.isdir(existing):
            existing = existing.parent
        # Windows does not tell.
        most = os.pathconf(existing, "PC_NAME_MAX") if hasattr(os, "pathconf") else 255
        if any(len(os.fsencode(f".{part}.partial")) > most for part in output.parts):
            raise InputError(f"{named}{output}: the name is too long")
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise InputError(f"{named}{output} is not writable: {error.strerror or error}") from None


@contextlib.contextmanager
def without_patterns(folder: Path) -> Iterator[Path]:
    """Gives another path to a folder, in which TensorFlow sees no pattern to match.

    It takes ``*``, ``?``, ``[`` and backslashes in paths that it reads for those of a shell. Those
    between the folders of Windows are none: there they count as slashes.
    """
    if not re.search(r"[*?\[\]\\]", folder.as_posix()):
        yield folder
        return
    with tempfile.TemporaryDirectory() as place:
        link = Path(place) / "folder"
        link.symlink_to(folder.absolute())
        yield link


def inputs_asked_for(options: GraphOptions) -> list[Path]:
    """The files that a command reads; see `graph.datasets.asked_graph`."""
    if options.edges is None:
        return inputs_of(options.dataset or "", options.data_dir)
    return [Path(one) for one in (options.nodes, options.edges) if one]


def inputs_of(dataset: str, data_dir: str | None) -> list[Path]:
    """The files of a data set, or the folder that is read as a whole; see `load_dataset`."""
    kind, _, argument = dataset.partition(":")
    if kind in KINDS and kind != "planetoid":
        path = Path(argument).expanduser()
        # A schema names the files beside it.
        return [path.parent if kind == "tfgnn" and path.is_file() else path]
    if kind != "planetoid":
        return []
    return planetoid_files(
        argument, Path(data_dir or os.environ.get("GBT_DATA_DIR", "")).expanduser()
    )


def place(path: Path) -> Path:
    """Where a path lies, absolute: a symbolic link at its end is not followed."""
    return path.parent.resolve() / path.name

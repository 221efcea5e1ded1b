"""What is said of files in everything that may be handed on: their names, no folders."""

from __future__ import annotations

from pathlib import PurePath

# What may stand before the colon of `--dataset`, and what follows it.
KINDS = {
    "planetoid": "NAME",
    "npz": "FILE",
    "npy": "FOLDER",
    "tables": "FOLDER",
    "tfgnn": "SCHEMA",
    "samples": "PATTERN",
    "graphml": "FILE",
    "gexf": "FILE",
    "edgelist": "FILE",
}
CHOICES = ", ".join(["digits", *(f"{kind}:{what}" for kind, what in KINDS.items())])


def without_folders(source: str) -> str:
    """A data set as of ``--dataset``, or the path of a file, without the folders that it lies in.

    The folders of somebody's machine tell who made a run, and for whom.
    """
    kind, _, path = source.partition(":")
    if kind in KINDS:
        return f"{kind}:{PurePath(path).name or path}"
    return PurePath(source).name or source

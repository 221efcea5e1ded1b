"""Rooms stay small enough to look over: files of code, lines, and files in a folder."""

import sys
from collections import Counter
from fnmatch import fnmatch

import pytest

from .tree import FOLDERS, ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CODE = (*FOLDERS, "namespace", "bench", "docs", "tests", "examples")
MOST_LINES, MOST_FILES = 300, 15


def files_of(folder):
    return [
        path
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "egg-info" not in str(path)
    ]


@pytest.mark.parametrize("folder", CODE)
def test_no_file_of_code_is_long(folder):
    lengths = {
        path.relative_to(ROOT): len(path.read_text("utf-8").splitlines())
        for path in files_of(folder)
        if path.suffix in (".py", ".js", ".css")
    }
    assert not {path: lines for path, lines in lengths.items() if lines > MOST_LINES}


@pytest.mark.parametrize("folder", [*FOLDERS, "namespace", "bench", "docs"])
def test_no_folder_is_crowded(folder):
    counts = Counter(
        path.parent.relative_to(ROOT)
        for path in files_of(folder)
        if path.parent != ROOT / "bench" / "results"  # grows with every series of measurements
    )
    assert counts
    assert not {path: count for path, count in counts.items() if count > MOST_FILES}


def test_file_names_do_not_repeat_their_folder():
    for folder in FOLDERS:
        for path in files_of(folder):
            assert not path.stem.startswith(f"{path.parent.name}_"), path


def test_the_wheel_has_every_folder_and_file():
    """Installed from the tree everything is there; what a wheel lacks only its users would miss."""
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    paths = {path: f"graph_barlow_twins.{path}" for path in FOLDERS}
    paths["namespace"] = "graph_barlow_twins"
    packages, strays = {"graph_barlow_twins"}, []
    for folder, package in paths.items():
        for path in files_of(folder):
            parts = path.relative_to(ROOT / folder).parent.parts
            name = ".".join((package, *parts))
            if path.suffix == ".py":
                packages.add(name)
            elif not any(
                fnmatch(path.name, one) for one in setuptools["package-data"].get(name, ())
            ):
                strays.append(path)
    assert set(setuptools["packages"]) == packages
    assert not strays

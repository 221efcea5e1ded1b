"""Faces of packages that load a name's module when the name is first asked for (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def attach(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``(__getattr__, __dir__)`` for the ``__init__`` of a package.

    For type checkers the package also imports its names under ``if TYPE_CHECKING``.

    Args:
        package: its ``__name__``.
        homes: from each module, relative to the package, to its names, with spaces between.
    """
    modules = {name: f"{package}.{home}" for home, names in homes.items() for name in names.split()}

    def load(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(modules[name]), name)
        setattr(sys.modules[package], name, value)  # the next time it is found at once
        return value

    return load, lambda: sorted({*vars(sys.modules[package]), *modules})

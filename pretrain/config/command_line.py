"""From the command line to the options of a command.

A flag wins over the file of `--config`, the file wins over the default.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from typing import Any, NoReturn, TypeVar

from ..errors import InputError
from .base import Options, label, option_of
from .file import load_toml
from .option import Option

_Kind = TypeVar("_Kind", bound=Options)


class CommandLineParser(argparse.ArgumentParser):
    """An ArgumentParser that raises InputError, so that bad flags too give one line."""

    def __init__(self, *, allow_abbrev: bool = False, **kwargs: Any):
        # Abbreviations would break whenever a longer flag is added.
        super().__init__(allow_abbrev=allow_abbrev, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Raises InputError in place of printing the usage and leaving."""
        raise InputError(message)


def add_arguments(
    parser: argparse.ArgumentParser, kind: type[Options], *, from_file: bool = False
) -> None:
    """Adds an argument for every field of `kind`; `from_file` adds `--config` too."""
    if from_file:
        parser.add_argument(
            "--config", metavar="FILE.toml", help="options under the same names; flags win over it"
        )
    for field in dataclasses.fields(kind):
        option = option_of(field)
        arguments: dict[str, Any] = {
            "help": (option.help + _default_note(field)).replace("%", "%%")
        }
        if option.scalar is bool:
            arguments["action"] = argparse.BooleanOptionalAction
        else:
            arguments["metavar"] = _metavar(option)
            nargs = {"one": None, "pair": "+", "some": "+", "any": "*"}
            arguments["nargs"] = nargs[option.arity]
        if option.positional:
            parser.add_argument(field.name, **arguments)
        else:
            # None stands for "not given", whatever the default: only then may the file speak.
            parser.add_argument(label(field), dest=field.name, default=None, **arguments)


def options_from(arguments: argparse.Namespace, kind: type[_Kind]) -> _Kind:
    """Joins what was parsed, the file behind `--config` and the defaults.

    Raises:
        InputError: bad values, an unreadable file, or an option that is required and missing.
    """
    path = getattr(arguments, "config", None)
    values = {} if path is None else load_toml(os.path.expanduser(path), kind)
    for field in dataclasses.fields(kind):
        words = getattr(arguments, field.name)
        option = option_of(field)
        if words is not None:
            values[field.name] = option.parse(label(field), words)
        elif field.default is dataclasses.MISSING and field.name not in values:
            raise InputError(f"{label(field)} {_metavar(option)} is required: {option.help}")
    return kind(**values)


def _metavar(option: Option) -> str:
    return option.metavar or option.scalar.__name__.upper()


def _default_note(field: dataclasses.Field) -> str:
    default = field.default
    if default is dataclasses.MISSING:
        return "" if option_of(field).positional else " (required)"
    if default is None or default == () or isinstance(default, bool):
        return ""
    shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
    return f" (default: {shown})"

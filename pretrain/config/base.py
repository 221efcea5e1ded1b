"""What the options of every command have in common: dataclasses whose fields carry an `Option`."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from ..errors import InputError, shown
from .option import Option


def field(option: Option, default: Any = dataclasses.MISSING) -> Any:
    """A field of `Options`; without a default it is required, with the default None optional."""
    option = dataclasses.replace(option, optional=default is None)
    return dataclasses.field(default=default, metadata={"option": option})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """The options of one command. Values are checked however they are given.

    Flag `--learning-rate`, key `learning_rate` (or `learning-rate`) of a TOML file, field
    `learning_rate`; `lambda` is a word of Python's own, so its field is `lambda_`.

    Raises:
        InputError: naming the option, what was expected and what came.
    """

    def __post_init__(self):
        for one in dataclasses.fields(self):
            checked = option_of(one).check(label(one), getattr(self, one.name))
            object.__setattr__(self, one.name, checked)

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold, under the keys of a TOML file; None where not set."""
        values = {key(one): getattr(self, one.name) for one in dataclasses.fields(self)}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}

    @classmethod
    def checked(cls, mapping: Mapping[str, Any], *, where: str) -> dict[str, Any]:
        """Returns the values in a TOML file, or of `to_dict`, by field name.

        Args:
            mapping: any of the options, by key.
            where: the source of `mapping`, for messages.

        Raises:
            InputError: unknown key, one option twice, or a value that the option refuses.
        """
        by_key = {key(one): one for one in dataclasses.fields(cls)}
        values: dict[str, Any] = {}
        for written, value in mapping.items():
            one = by_key.get(written.replace("-", "_"))
            if one is None:
                near = difflib.get_close_matches(written, by_key, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]!r}?" if near else f"keys are: {', '.join(by_key)}"
                raise InputError(f"{where}: unknown key {shown(written)}; {hint}")
            if one.name in values:
                raise InputError(f"{where}: the key {key(one)!r} is given twice")
            values[one.name] = option_of(one).check(f"{where}: {written}", value)
        return values


def option_of(one: dataclasses.Field) -> Option:
    """What the field accepts."""
    return one.metadata["option"]


def key(one: dataclasses.Field) -> str:
    """The field's name in files."""
    return one.name.rstrip("_")


def label(one: dataclasses.Field) -> str:
    """The field's name on the command line."""
    option = option_of(one)
    metavar = option.metavar if option.positional else None
    return metavar or "--" + key(one).replace("_", "-")

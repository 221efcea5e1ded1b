"""One option of the main job: what it accepts, said once for flags, TOML files and Python."""

import contextlib
import dataclasses
import math
import numbers
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import InputError, shown

WIDEST, MOST = 1 << 16, 2**31 - 1


def _anything(value: Any) -> bool:
    return True


@dataclasses.dataclass(frozen=True)
class Option:
    """What an option means and which values it takes.

    Attributes:
        help: one line for `--help`.
        scalar: str, int, float or bool: the type of each value.
        expected: completes "expected ..." in messages.
        accepts: whether a value of the right type is in range. Write the range so that NaN fails
            (`0 <= x <= 1`, not `not x < 0`).
        arity: "one" value; a "pair", where one value stands for both; "some": one or more;
            "any": none or more.
        most: values, of "some" or "any".
        optional: None is a value too: the option may be left to its documented default.
        metavar: the name of the value in `--help`.
        positional: given by its place on the command line, not by a flag.
        is_path: ``~`` at its beginning is the home folder.
        words: what stands for a value.
    """

    help: str
    scalar: type
    expected: str
    accepts: Callable[[Any], bool] = _anything
    arity: str = "one"
    most: int | None = None
    optional: bool = False
    metavar: str | None = None
    positional: bool = False
    is_path: bool = False
    words: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def parse(self, label: str, words: str | bool | Sequence[str]) -> Any:
        """Returns the checked value of words from the command line.

        Raises:
            InputError: naming `label` and the words.
        """
        if self.scalar is str or isinstance(words, bool):
            return self.check(label, words)
        try:
            if isinstance(words, str):
                return self.check(label, self.scalar(words))
            return self.check(
                label, [word if word in self.words else self.scalar(word) for word in words]
            )
        except InputError:
            raise
        except (ValueError, OverflowError):
            raise self._error(label, words) from None

    def check(self, label: str, value: Any) -> Any:
        """Returns the value in its final form (tuples, plain ints and floats).

        Raises:
            InputError: naming `label`, what was expected and what came.
        """
        if value is None and self.optional:
            return None
        if self.arity == "one":
            return self._check_scalar(label, value, value)
        values = list(value) if isinstance(value, list | tuple) else [value]
        if self.arity == "pair" and len(values) == 1:
            values *= 2
        if (self.arity == "pair" and len(values) != 2) or (self.arity == "some" and not values):
            raise self._error(label, value)
        if self.most is not None and len(values) > self.most:
            raise InputError(f"{label}: expected at most {self.most} values, got {len(values):,}")
        return tuple(self._check_scalar(label, one, value) for one in values)

    def _check_scalar(self, label: str, one: Any, whole: Any) -> Any:
        """Returns `one` as the option's type; `whole` is what the message quotes."""
        one = self.words.get(one, one) if isinstance(one, str) else one
        # bool is an int to Python, but `steps = true` is a mistake.
        is_bool = isinstance(one, bool)
        if self.scalar is bool:
            right_type = is_bool
        elif self.scalar is str:
            one = os.fspath(one) if isinstance(one, os.PathLike) else one
            right_type = isinstance(one, str)
            one = os.path.expanduser(one) if right_type and self.is_path else one
        elif self.scalar is int:
            right_type = isinstance(one, numbers.Integral) and not is_bool
        else:
            right_type = isinstance(one, numbers.Real) and not is_bool
        if not right_type:
            raise self._error(label, whole)
        with contextlib.suppress(OverflowError):
            if self.accepts(self.scalar(one)):
                return self.scalar(one)
        raise self._error(label, whole)

    def _error(self, label: str, value: Any) -> InputError:
        got = " ".join(value) if _is_words(value) else shown(value)
        return InputError(f"{label}: expected {self.expected}, got {got or 'nothing'}")


def _is_words(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(word, str) for word in value)


def text(help: str, expected: str = "text", **more: Any) -> Option:
    """A non-empty string that may be a path: no system takes NUL, and TensorFlow only UTF-8."""
    return Option(help, str, expected, _is_text, **more)


def path(help: str, **more: Any) -> Option:
    """A `text` that names a file or a folder, or a data set."""
    return text(help, is_path=True, **more)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # the bytes of a file's name that are not UTF-8
        return False
    return value != "" and "\0" not in value


def choice(help: str, values: Sequence[str]) -> Option:
    """One of a few words."""
    expected = f"one of {', '.join(values)}"
    return Option(help, str, expected, values.__contains__, metavar="|".join(values))


def switch(help: str) -> Option:
    """On or off."""
    return Option(help, bool, "true or false")


def integer(help: str, low: int, **more: Any) -> Option:
    """Integers of at least `low`; of 31 bits, as sizes are in TensorFlow."""
    numeral = {"one": "an integer", "some": "one or more integers", "any": "integers"}
    expected = f"{numeral[more.get('arity', 'one')]} of at least {low}"
    expected += "".join(f", or {word}" for word in more.get("words", ()))
    return Option(help, int, expected, lambda n: low <= n <= MOST, **more)


def depth(help: str, low: int) -> Option:
    """A number of layers or hops."""
    return Option(help, int, f"an integer in [{low}, 1000]", lambda n: low <= n <= 1000)


def widths(help: str, arity: str) -> Option:
    """The widths of layers, each of which has as much as two of them multiplied in weights."""
    numeral = {"some": "one or more integers", "any": "integers"}
    expected = f"{numeral[arity]} in [1, {WIDEST}]"
    return Option(help, int, expected, lambda n: 1 <= n <= WIDEST, arity=arity, most=64)


def seed(help: str) -> Option:
    """An integer that every random generator in use takes (scikit-learn wants 32 bits)."""
    return Option(help, int, "an integer in [0, 2**32)", lambda n: 0 <= n < 2**32)


def positive(help: str) -> Option:
    """A finite number above 0."""
    return Option(help, float, "a number above 0", lambda x: 0 < x < math.inf)


def non_negative(help: str) -> Option:
    """A finite number of at least 0."""
    return Option(help, float, "a number of at least 0", lambda x: 0 <= x < math.inf)


def share(help: str) -> Option:
    """A part of a whole that must not be all of it."""
    return Option(help, float, "a share in [0, 1)", lambda x: 0 <= x < 1)


def rates(help: str) -> Option:
    """One rate for both views, or one for each."""
    expected = "one rate in [0, 1] for both views, or two"
    return Option(help, float, expected, lambda x: 0 <= x <= 1, arity="pair", metavar="RATE")

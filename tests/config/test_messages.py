"""The message of an InputError is one short line that a terminal shows and does not obey."""

import pytest
from graph_barlow_twins.pretrain.errors import InputError, shown


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("a\nb\r\nc", "a b c"),
        ("\x1b[2J\x07\x9b", r"\x1b[2J\x07\x9b"),
        ("\u202etxt.exe", r"\u202etxt.exe"),
        ("\udcff", r"\udcff"),
        ("ein Käfer 中", "ein Käfer 中"),
        (r"\x1b", r"\x1b"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(message, line):
    assert str(InputError(message)) == line
    assert str(InputError(line)) == line


@pytest.mark.parametrize("middle", ["-" * 300, "\x1b" * 10_000_000])
def test_long_messages_keep_both_ends(middle):
    message = str(InputError(f"the file: {middle} got 3"))
    assert len(message) == 300
    assert message.startswith("the file: ")
    assert message.endswith(" got 3")


def test_any_value_is_shown_in_short():
    deep, shared = (), ()
    for _ in range(100_000):
        deep = (deep,)
    for _ in range(60):
        shared = (shared, shared)
    for value in (deep, shared, 1 << 10**6, "a" * 10**6, list(range(10**6)), {1: [deep]}):
        assert len(shown(value)) < 300
    assert shown([64, 0.5, "a", None]) == "[64, 0.5, 'a', None]"

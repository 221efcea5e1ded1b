"""Every command prints its help: all options have a text, and no text breaks argparse's format."""

import importlib

import pytest

COMMANDS = (
    "accuracy",
    "block_graph",
    "choice",
    "corruption.report",
    "loss.eager",
    "loss.memory",
    "missing",
    "metrics.report",
    "report",
    "training.epochs",
    "training.steps",
)


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name, capsys):
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"bench.{name}").main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: python -m bench.{name} ")
    assert "%%" not in text
    assert "%(" not in text


@pytest.mark.parametrize("shapes", ["128", "128x128,0x5", "axb"])
@pytest.mark.parametrize("name", ["report", "metrics.report", "loss.eager"])
def test_unknown_shapes_are_refused(name, shapes, capsys):
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"bench.{name}").main(["--shapes", shapes])
    assert ended.value.code == 2
    assert repr(shapes) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("corruption.report", ["--cases", "nothing such"], "no case contains 'nothing such'"),
        ("training.steps", ["--projectors", "none,4096"], "unknown projector '4096'"),
        ("block_graph", ["--nodes", "10", "--edges", "30", "--output", "g"], "half of all pairs"),
    ],
)
def test_unknown_values_are_refused(name, arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"bench.{name}").main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err

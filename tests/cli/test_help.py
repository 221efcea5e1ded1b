"""The help of every command is printed, and says what the code does."""

import pytest
from graph_barlow_twins.pretrain.cli.main import main
from graph_barlow_twins.pretrain.config import defaults


def help_of(capsys, *command):
    with pytest.raises(SystemExit) as end:
        main([*command, "--help"])
    assert end.value.code == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return " ".join(captured.out.split())


def test_the_commands(capsys):
    text = help_of(capsys)
    for name in ("pretrain", "evaluate", "embed"):
        assert name in text


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        ("pretrain", ("--config FILE.toml", "--units INT", "--no-resume", "--lambda FLOAT")),
        ("evaluate", ("EMBEDDINGS [EMBEDDINGS ...]", "--no-baselines", "--split public|random|f")),
        ("embed", ("MODEL", "--output FILE", "--overwrite", "--data-dir DIR")),
    ],
)
def test_help(capsys, command, flags):
    text = help_of(capsys, command)
    for flag in flags:
        assert flag in text
    assert "%%" not in text
    assert "None" not in text


def test_the_recipe_in_the_help(capsys):
    """As numbers of today: whoever changes one of them changes docs/theory/recipe.md too."""
    text = help_of(capsys, "pretrain")
    for words in (
        "default: 60 with the linear encoder, 200 with the gcn",
        "default: 512 256 for gcn, 512 for others",
        "default: adam for linear and gcn, closed-form for channels, none for wide",
        "default: 8",
        "default: 0.7, and 0.3 when sampling",
        "default: 0.2 for bags of words",
        "per step of sampling; default: 1024",
        "passes over the nodes when sampling; default: 1",
    ):
        assert words in text
    assert defaults.UNITS[defaults.GCN] == (512, 256)


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("graph-barlow-twins ")


@pytest.mark.parametrize("arguments", [[], ["pretain"], ["--wrong", "embed"]])
def test_no_such_command(capsys, arguments):
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("graph-barlow-twins: error: ")

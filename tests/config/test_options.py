"""Flags, TOML file and Python agree on names, defaults and checks."""

import dataclasses
import json

import pytest
from graph_barlow_twins.pretrain.cli.embed import EmbedOptions
from graph_barlow_twins.pretrain.cli.evaluate import EvaluateOptions
from graph_barlow_twins.pretrain.config import option
from graph_barlow_twins.pretrain.config.base import Options, field
from graph_barlow_twins.pretrain.config.file import load_toml
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.errors import InputError

from tests.config.parsing import OUTPUT, build_parser, parse_args, refused

# One value, other than the default, for every field: as flags, as TOML, in Python.
EVERY_OPTION = {
    "output": ("--output out", 'output = "out"', "out"),
    "dataset": ("--dataset npz:g.npz", 'dataset = "npz:g.npz"', "npz:g.npz"),
    "data_dir": ("--data-dir d", 'data_dir = "d"', "d"),
    "nodes": ("--nodes n.csv", 'nodes = "n.csv"', "n.csv"),
    "edges": ("--edges e.csv", 'edges = "e.csv"', "e.csv"),
    "id_column": ("--id-column i", 'id_column = "i"', "i"),
    "label_column": ("--label-column c", 'label_column = "c"', "c"),
    "target": ("--target paper", 'target = "paper"', "paper"),
    "label": ("--label field", 'label = "field"', "field"),
    "schema": ("--schema s.pbtxt", 'schema = "s.pbtxt"', "s.pbtxt"),
    "split_number": ("--split-number 3", "split_number = 3", 3),
    "evaluation": ("--no-evaluation", "evaluation = false", False),
    "knn": ("--knn 5", "knn = 5", 5),
    "seed": ("--seed 3", "seed = 3", 3),
    "training": ("--training none", 'training = "none"', "none"),
    "steps": ("--steps 7", "steps = 7", 7),
    "fan_out": ("--fan-out 4 3", "fan_out = [4, 3]", (4, 3)),
    "sampling_spec": ("--sampling-spec s", 'sampling_spec = "s"', "s"),
    "batch_size": ("--batch-size 64", "batch_size = 64", 64),
    "epochs": ("--epochs 5", "epochs = 5", 5),
    "workers": ("--workers a:1 b:2", 'workers = ["a:1", "b:2"]', ("a:1", "b:2")),
    "worker_index": ("--worker-index 1", "worker_index = 1", 1),
    "worker_timeout": ("--worker-timeout 5", "worker_timeout = 5", 5.0),
    "learning_rate": ("--learning-rate 2e-4", "learning_rate = 2e-4", 2e-4),
    "warmup_steps": ("--warmup-steps 8", "warmup_steps = 8", 8),
    "schedule": ("--schedule cosine", 'schedule = "cosine"', "cosine"),
    "early_stopping": ("--early-stopping loss", 'early_stopping = "loss"', "loss"),
    "patience": ("--patience 5", "patience = 5", 5),
    "weight_decay": ("--weight-decay 1e-5", "weight_decay = 1e-5", 1e-5),
    "encoder": ("--encoder gcn", 'encoder = "gcn"', "gcn"),
    "hops": ("--hops 4", "hops = 4", 4),
    "units": ("--units 64 32 16", "units = [64, 32, 16]", (64, 32, 16)),
    "channels": (
        "--channels own=1 hop=0.5",
        'channels = ["own=1", "hop=0.5"]',
        ("own=1", "hop=0.5"),
    ),
    "scale_features": ("--no-scale-features", "scale_features = false", False),
    "drop_channels": ("--drop-channels 0 0.5", "drop_channels = [0, 0.5]", (0.0, 0.5)),
    "drop_edges": ("--drop-edges 0 1", "drop_edges = [0, 1]", (0.0, 1.0)),
    "mask_features": ("--mask-features 0.25", "mask_features = 0.25", (0.25, 0.25)),
    "drop_entries": ("--drop-entries 0.1 0.2", "drop_entries = [0.1, 0.2]", (0.1, 0.2)),
    "lambda_": ("--lambda 0.5", "lambda = 0.5", 0.5),
    "projector_units": ("--projector-units 8", "projector_units = [8]", (8,)),
    "folds": ("--folds 2", "folds = 2", 2),
    "hold_out_edges": ("--hold-out-edges 0.1", "hold_out_edges = 0.1", 0.1),
    "overwrite": ("--overwrite", "overwrite = true", True),
    "resume": ("--resume", "resume = true", True),
    "quiet": ("--quiet", "quiet = true", True),
}
# What these options say is refused without, and the full graph's steps and three widths beside it.
SAMPLING = ("fan_out", "batch_size", "epochs", "workers")


def required_by(name):
    """Flags without which the option is not accepted."""
    fan_out = ["--fan-out", "7", "7"] if name in SAMPLING[1:] else []
    edges = ["--edges", "e.csv"] if name in ("nodes", "id_column", "label_column") else []
    nodes = ["--nodes", "n.csv"] if name in ("id_column", "label_column") else []
    schema = ["--dataset", "samples:s"] if name in ("target", "label", "schema") else []
    encoder = ["--encoder", "hgt"] if name == "sampling_spec" else []
    return fan_out + edges + nodes + schema + encoder + ([] if name == "output" else OUTPUT)


def test_the_table_above_has_every_option():
    assert set(EVERY_OPTION) == {field.name for field in dataclasses.fields(PretrainConfig)}


def test_defaults_are_valid_and_the_same_from_everywhere(toml):
    expected = PretrainConfig(output="out")
    assert parse_args(OUTPUT) == expected
    assert parse_args(["--config", toml('output = "out"')]) == expected


@pytest.mark.parametrize("name", EVERY_OPTION)
def test_every_option_from_flag_file_and_python(name, toml):
    flags, line, value = EVERY_OPTION[name]
    required = required_by(name)
    from_flag = parse_args([*required, *flags.split()])
    from_file = parse_args([*required, "--config", toml(line)])
    needed = {"fan_out": (7, 7)} if "--fan-out" in required else {}
    needed |= {
        flag: required[required.index(f"--{flag}") + 1]
        for flag in ("nodes", "edges", "dataset", "encoder")
        if f"--{flag}" in required
    }
    from_python = PretrainConfig(**({"output": "out"} | needed | {name: value}))
    assert from_flag == from_file == from_python
    got = getattr(from_flag, name)
    assert got == value
    assert type(got) is type(value)
    if name != "output":
        assert got != getattr(parse_args(required), name), "the value shows nothing: the default"


@pytest.mark.parametrize("name", EVERY_OPTION)
def test_flags_win_over_the_file(name, toml):
    other = {
        "output": 'output = "file"',
        "dataset": 'dataset = "file"',
        "data_dir": 'data_dir = "file"',
        **{key: f'{key} = "file"' for key in ("nodes", "edges", "id_column", "label_column")},
        **{key: f'{key} = "file"' for key in ("target", "label", "schema", "sampling_spec")},
        "evaluation": "evaluation = true",
        "training": 'training = "closed-form"',
        "encoder": 'encoder = "linear"',
        "units": "units = [3, 4, 5]",
        "fan_out": "fan_out = [9, 8]",
        "projector_units": "projector_units = [3, 4]",
        "overwrite": "overwrite = false",
        "resume": "resume = false",
        "quiet": "quiet = false",
        "channels": 'channels = ["own=2"]',
        "drop_channels": "drop_channels = 0.125",
        "workers": 'workers = ["c:3"]',
        "scale_features": "scale_features = true",
        "drop_edges": "drop_edges = 0.125",
        "mask_features": "mask_features = [0.125, 0.5]",
        "drop_entries": "drop_entries = 0.5",
        "lambda_": "lambda = 0.125",
        "hold_out_edges": "hold_out_edges = 0.5",
        "schedule": 'schedule = "constant"',
        "early_stopping": 'early_stopping = "rankme"',
    }
    flags, _, value = EVERY_OPTION[name]
    path = toml(other.get(name, f"{name} = 9"))
    required = required_by(name)
    assert getattr(parse_args([*required, "--config", path]), name) != value
    assert getattr(parse_args([*required, "--config", path, *flags.split()]), name) == value


def test_a_switch_of_the_file_can_be_turned_off(toml):
    path = toml("overwrite = true")
    assert not parse_args([*OUTPUT, "--config", path, "--no-overwrite"]).overwrite


def test_an_empty_list_is_a_value(toml):
    path = toml("projector_units = [8]")
    assert parse_args([*OUTPUT, "--config", path, "--projector-units"]).projector_units == ()


def test_keys_may_be_written_like_flags(toml):
    assert load_toml(toml("learning-rate = 1\nknn = 2"), PretrainConfig) == {
        "learning_rate": 1.0,
        "knn": 2,
    }


def test_to_dict_goes_through_json_and_back():
    flags = {name: option[0].split() for name, option in EVERY_OPTION.items() if name != "resume"}
    sampling = [*OUTPUT, *(word for name in SAMPLING for word in flags.pop(name))]
    linear = [*OUTPUT, *flags.pop("hops")]  # which the widths in EVERY_OPTION exclude
    without_steps = [*OUTPUT, *flags.pop("training")]
    channels = [*OUTPUT, *flags.pop("channels"), *flags.pop("drop_channels")]
    tables = [*OUTPUT]
    for name in ("edges", "nodes", "id_column", "label_column"):
        tables += flags.pop(name)
    schema = [*OUTPUT, "--dataset", "samples:s", "--encoder", "hgt"]
    for name in ("target", "label", "schema", "sampling_spec"):
        schema += flags.pop(name)
    full_graph = [word for words in flags.values() for word in words]
    for words in (full_graph, sampling, linear, without_steps, channels, tables, schema, OUTPUT):
        config = parse_args(words)
        written = json.loads(json.dumps(config.to_dict()))
        assert "lambda" in written
        assert PretrainConfig(**PretrainConfig.checked(written, where="config.json")) == config


def test_help_names_every_flag():
    text = build_parser().format_help()
    for name in EVERY_OPTION:
        assert "--" + name.rstrip("_").replace("_", "-") in text
    assert "(default: 0.001)" in text
    assert "SUPPRESS" not in text
    assert "None" not in text


@dataclasses.dataclass(frozen=True, kw_only=True)
class Few(Options):
    """One option of each kind, with signs that argparse has a meaning for."""

    place: tuple[str, ...] = field(
        option.text("100 % of %(prog)s", metavar="PLACE", arity="some", positional=True)
    )
    needed: float = field(option.share("a share, in %"))
    given: int | None = field(option.integer("5% or %d", 1), None)
    switched: bool = field(option.switch("on"), True)


def test_a_percent_sign_in_a_help_text():
    text = " ".join(build_parser(Few).format_help().split())
    for words in ("100 % of %(prog)s", "a share, in % (required)", "5% or %d"):
        assert words in text


def test_any_command_takes_its_options_so(toml):
    few = parse_args(["a", "b", "--needed", "0.5", "--no-switched"], Few, from_file=False)
    assert few == Few(place=("a", "b"), needed=0.5, switched=False)
    assert few.to_dict() == {"place": ["a", "b"], "needed": 0.5, "given": None, "switched": False}
    refused("unrecognized arguments: --config", parse_args, ["a", "--config", "f"], Few, False)
    refused("--needed FLOAT is required: a share", parse_args, ["a"], Few)
    refused("PLACE: expected text, got", parse_args, ["", "--needed", "0"], Few)
    refused("required: PLACE", parse_args, ["--needed", "0"], Few)
    with_file = parse_args(["a", "--config", toml("needed = 0.25\ngiven = 3")], Few)
    assert with_file == Few(place="a", needed=0.25, given=3)
    refused("--needed: expected a share", Few, place="a", needed=1)


def test_the_other_commands_have_the_defaults_of_their_help():
    evaluate = parse_args(["e.npy"], EvaluateOptions, from_file=False)
    assert evaluate == EvaluateOptions(embeddings=["e.npy"])
    defaults = {"seeds": 10, "seed": 0, "folds": None, "max_probe_nodes": 20000, "knn": 10}
    assert {key: evaluate.to_dict()[key] for key in defaults} == defaults
    assert evaluate.baselines
    embed = parse_args(
        ["m", "--dataset", "digits", "--output", "o", "--overwrite"], EmbedOptions, False
    )
    assert embed == EmbedOptions(model="m", dataset="digits", output="o", overwrite=True)
    assert embed.knn == PretrainConfig(output="o").knn == 10


def test_all_neighbours(toml):
    from_flag = parse_args([*OUTPUT, "--fan-out", "all", "3"])
    assert from_flag.fan_out[0] > 10**9
    assert from_flag == PretrainConfig(output="out", fan_out=["all", 3])
    assert from_flag == parse_args([*OUTPUT, "--config", toml('fan_out = ["all", 3]')])
    with pytest.raises(InputError, match="integers of at least 1, or all, got al 3"):
        parse_args([*OUTPUT, "--fan-out", "al", "3"])

"""Flags, TOML file and Python agree on names, defaults and checks."""

import dataclasses
import json

import pytest
from graph_barlow_twins.pretrain.cli.embed import EmbedOptions
from graph_barlow_twins.pretrain.cli.evaluate import EvaluateOptions
from graph_barlow_twins.pretrain.config import option
from graph_barlow_twins.pretrain.config.base import Options, field
from graph_barlow_twins.pretrain.config.command_line import (
    CommandLineParser,
    add_arguments,
    options_from,
)
from graph_barlow_twins.pretrain.config.file import load_toml
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.errors import InputError

# One value, other than the default, for every field: as flags, as TOML, in Python.
EVERY_OPTION = {
    "output": ("--output out", 'output = "out"', "out"),
    "dataset": ("--dataset npz:g.npz", 'dataset = "npz:g.npz"', "npz:g.npz"),
    "data_dir": ("--data-dir d", 'data_dir = "d"', "d"),
    "knn": ("--knn 5", "knn = 5", 5),
    "seed": ("--seed 3", "seed = 3", 3),
    "steps": ("--steps 7", "steps = 7", 7),
    "fan_out": ("--fan-out 4 3", "fan_out = [4, 3]", (4, 3)),
    "batch_size": ("--batch-size 64", "batch_size = 64", 64),
    "epochs": ("--epochs 5", "epochs = 5", 5),
    "learning_rate": ("--learning-rate 2e-4", "learning_rate = 2e-4", 2e-4),
    "warmup_steps": ("--warmup-steps 8", "warmup_steps = 8", 8),
    "schedule": ("--schedule cosine", 'schedule = "cosine"', "cosine"),
    "early_stopping": ("--early-stopping loss", 'early_stopping = "loss"', "loss"),
    "patience": ("--patience 5", "patience = 5", 5),
    "weight_decay": ("--weight-decay 1e-5", "weight_decay = 1e-5", 1e-5),
    "encoder": ("--encoder gcn", 'encoder = "gcn"', "gcn"),
    "hops": ("--hops 4", "hops = 4", 4),
    "units": ("--units 64 32 16", "units = [64, 32, 16]", (64, 32, 16)),
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
OUTPUT = ["--output", "out"]
# What these options say is refused without, and the full graph's steps and three widths beside it.
SAMPLING = ("fan_out", "batch_size", "epochs")


def required_by(name):
    """Flags without which the option is not accepted."""
    fan_out = ["--fan-out", "7", "7"] if name in ("batch_size", "epochs") else []
    return fan_out + ([] if name == "output" else OUTPUT)


@pytest.fixture
def toml(tmp_path):
    """Writes a TOML file and returns its path."""

    def write(content):
        path = tmp_path / "run.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def build_parser(kind=PretrainConfig, **options):
    parser = CommandLineParser()
    add_arguments(parser, kind, **options)
    return parser


def parse_args(argv, kind=PretrainConfig, from_file=True):
    return options_from(build_parser(kind, from_file=from_file).parse_args(argv), kind)


def refused(message, function, *args, **kwargs):
    with pytest.raises(InputError, match=message) as caught:
        function(*args, **kwargs)
    assert "\n" not in str(caught.value)


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
        "encoder": 'encoder = "linear"',
        "units": "units = [3, 4, 5]",
        "fan_out": "fan_out = [9, 8]",
        "projector_units": "projector_units = [3, 4]",
        "overwrite": "overwrite = false",
        "resume": "resume = false",
        "quiet": "quiet = false",
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
    full_graph = [word for words in flags.values() for word in words]
    for words in (full_graph, sampling, linear, OUTPUT):
        config = parse_args(words)
        written = json.loads(json.dumps(config.to_dict()))
        assert "lambda" in written
        assert PretrainConfig(**PretrainConfig.checked(written, where="config.json")) == config


def test_help_names_every_flag():
    text = build_parser().format_help()
    for name in EVERY_OPTION:
        assert "--" + name.rstrip("_").replace("_", "-") in text
    assert "(default: 0.0 0.0)" in text
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
    defaults = {"seeds": 10, "seed": 0, "folds": 10, "max_probe_nodes": 20000, "knn": 10}
    assert evaluate.to_dict().items() >= defaults.items()
    assert evaluate.baselines
    embed = parse_args(
        ["m", "--dataset", "digits", "--output", "o", "--overwrite"], EmbedOptions, False
    )
    assert embed == EmbedOptions(model="m", dataset="digits", output="o", overwrite=True)
    assert embed.knn == PretrainConfig(output="o").knn == 10


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--steps 0", "--steps: expected an integer of at least 1, got 0"),
        ("--steps -3", "--steps: expected an integer of at least 1, got -3"),
        ("--steps 1.5", "--steps: expected an integer of at least 1, got '1.5'"),
        ("--steps many", "--steps: expected an integer of at least 1, got 'many'"),
        ("--knn -1", "--knn: expected an integer of at least 1, got -1"),
        ("--knn 0", "--knn: "),
        ("--folds 1", "--folds: expected an integer of at least 2, got 1"),
        ("--seed -1", r"--seed: expected an integer in \[0, 2\*\*32\), got -1"),
        ("--seed 4294967296", "--seed: .*got 4294967296"),
        ("--units 64 0", r"--units: expected one or more integers of at least 1, got \[64, 0\]"),
        ("--units 64 x", "--units: expected one or more integers of at least 1, got 64 x"),
        ("--projector-units -1", "--projector-units: "),
        ("--learning-rate 0", "--learning-rate: expected a number above 0, got 0"),
        ("--learning-rate nan", "--learning-rate: expected a number above 0, got nan"),
        ("--learning-rate inf", "--learning-rate: "),
        ("--schedule linear", "--schedule: expected one of constant, cosine, got 'linear'"),
        ("--early-stopping accuracy", "--early-stopping: expected one of none, loss, rankme, got"),
        ("--weight-decay -0.1", "--weight-decay: expected a number of at least 0, got -0.1"),
        ("--lambda nan", "--lambda: "),
        ("--drop-edges 1.01", r"--drop-edges: expected one rate in \[0, 1\] .*, got \[1.01\]"),
        ("--drop-edges -0.01", "--drop-edges: .* got .*-0.01"),
        ("--drop-edges nan", "--drop-edges: .* got .*nan"),
        ("--drop-edges 0.1 0.2 0.3", r"--drop-edges: .* or two, got \[0.1, 0.2, 0.3\]"),
        ("--mask-features 0.1 2", r"--mask-features: .* got \[0.1, 2.0\]"),
        ("--drop-edges", "--drop-edges: expected at least one argument"),
        ("--stepz 3", "unrecognized arguments: --stepz 3"),
        ("--step 3", "unrecognized arguments: --step 3"),
        ("--overwrite --resume", "contradict"),
        ("--encoder gcn --hops 3", "--hops belongs to the linear encoder"),
        ("--units 8 4 --hops 3", "--hops belongs to the linear encoder"),
        ("--fan-out 4 3 --hops 3", "--hops belongs to the linear encoder"),
        ("--fan-out 4", r"--fan-out: .* 2 layers of --units \(512 256 by default\), got 1"),
        ("--encoder mlp", "--encoder: expected one of linear, gcn, got 'mlp'"),
        ("--hops -1", "--hops: expected an integer of at least 0, got -1"),
        ("--encoder linear --units 8 4", "--units: expected one width for --encoder linear, got 2"),
        ("--encoder linear --fan-out 4 3", "--encoder linear and --fan-out contradict"),
    ],
)
def test_bad_flags_are_refused_by_name(flags, message):
    refused(message, parse_args, [*OUTPUT, *flags.split()])


@pytest.mark.parametrize("output", [[], ["--output", ""]])
def test_output_is_required(output):
    refused("--output", parse_args, output)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("stepz = 3", r"run\.toml: unknown key 'stepz'; did you mean 'steps'\?"),
        ("learning-rat = 3", "did you mean 'learning_rate'"),
        ("lambda_1 = 3", "unknown key 'lambda_1'; did you mean 'lambda'"),
        ("zzz = 3", "unknown key 'zzz'; keys are: output, dataset, "),
        ("[pretrain]\nsteps = 3", "unknown key 'pretrain'"),
        ("steps = 3\nsteps = 4", "not a TOML file"),
        ("data-dir = 'a'\ndata_dir = 'b'", "the key 'data_dir' is given twice"),
        ("steps = ", "not a TOML file"),
        (b"output = '\xff'", "not a TOML file"),
        ("steps = true", r"run\.toml: steps: expected an integer of at least 1, got True"),
        ("steps = 3.0", r"steps: expected an integer of at least 1, got 3\.0"),
        ("steps = '3'", "steps: expected an integer of at least 1, got '3'"),
        ("steps = [3]", r"steps: expected an integer of at least 1, got \[3\]"),
        ("output = 3", "output: expected text, got 3"),
        ('output = "a\\u0000b"', "output: expected text"),
        ("overwrite = 1", "overwrite: expected true or false, got 1"),
        ("units = []", r"units: expected one or more integers of at least 1, got"),
        ("units = [1.5]", r"units: .* got \[1\.5\]"),
        ("units = {a = 1}", r"units: .* got \{'a': 1\}"),
        ("drop_edges = nan", "drop_edges: .* got nan"),
        ("drop_edges = [0.1, 1.5]", r"drop_edges: .* got \[0\.1, 1\.5\]"),
        ("drop_edges = []", "drop_edges: "),
        ("drop_edges = true", "drop_edges: .* got True"),
        ("learning_rate = 1" + "0" * 400, "learning_rate: expected a number above 0"),
    ],
)
def test_bad_files_are_refused_by_key(line, message, toml):
    refused(message, parse_args, [*OUTPUT, "--config", toml(line)])


def test_a_missing_file_is_named(tmp_path):
    refused("cannot read --config .*none.toml: No such", load_toml, tmp_path / "none.toml", Few)
    refused("cannot read --config", load_toml, tmp_path, Few)


def test_python_values_are_checked_too(tmp_path):
    refused("--drop-edges: .*got 1.5", PretrainConfig, output="o", drop_edges=1.5)
    refused("--knn: .*got None", PretrainConfig, output="o", knn=None)
    assert PretrainConfig(output=tmp_path).output == str(tmp_path)
    with pytest.raises(dataclasses.FrozenInstanceError):
        PretrainConfig(output="o").steps = 3

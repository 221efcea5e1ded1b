"""Bad flags, keys and values are refused by name, in one line."""

import dataclasses

import pytest
from graph_barlow_twins.pretrain.config.file import load_toml
from graph_barlow_twins.pretrain.config.options import PretrainConfig

from tests.config.parsing import OUTPUT, parse_args, refused


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
        ("--units 64 0", r"--units: expected one or more integers in \[1, 65536\], got \[64, 0\]"),
        ("--units 64 x", r"--units: expected one or more integers in \[1, 65536\], got 64 x"),
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
        ("--data-dir a\udcff", r"--data-dir: expected text, got 'a\\udcff'"),
        ("--stepz 3", "unrecognized arguments: --stepz 3"),
        ("--step 3", "unrecognized arguments: --step 3"),
        ("--overwrite --resume", "contradict"),
        ("--encoder gcn --hops 3", "--hops belongs to the linear encoder"),
        ("--units 8 4 --hops 3", "--hops belongs to the linear encoder"),
        ("--fan-out 4 3 --hops 3", "--hops belongs to the linear encoder"),
        ("--fan-out 4", r"--fan-out: .* 2 layers of --units \(512 256 by default\), got 1"),
        (
            "--encoder mlp",
            "--encoder: expected one of linear, gcn, channels, wide, mt_albis, graph_sage,"
            " hgt, got 'mlp'",
        ),
        ("--hops -1", r"--hops: expected an integer in \[0, 1000\], got -1"),
        ("--encoder linear --units 8 4", "--units: expected one width for --encoder linear, got 2"),
        ("--encoder hgt --units 6", "--units: expected a multiple of 4, the heads of hgt, got 6"),
        ("--encoder hgt --units 8 4", "--units: expected one width for --encoder hgt, got 2"),
        ("--encoder mt_albis --mask-features 0.1", "--mask-features has no meaning for"),
        ("--encoder mt_albis --steps 3", "--steps has no meaning for --encoder mt_albis"),
        ("--encoder mt_albis --hold-out-edges 0.1", "--hold-out-edges has no meaning for"),
        ("--encoder mt_albis --training closed-form", "--training closed-form"),
        ("--sampling-spec s", "--sampling-spec needs --encoder mt_albis or"),
        ("--encoder hgt --sampling-spec s --fan-out 3", "contradict each other"),
        ("--schema s", "--schema needs --dataset samples:PATTERN"),
        ("--target t", "--target needs --dataset tfgnn:SCHEMA or samples:PATTERN"),
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
        ("zzz = 3", "unknown key 'zzz'; keys are: dataset, data_dir, "),
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
        ("units = []", r"units: expected one or more integers in \[1, 65536\], got"),
        ("units = [1.5]", r"units: .* got \[1\.5\]"),
        ("units = {a = 1}", r"units: .* got \{'a': 1\}"),
        ("drop_edges = nan", "drop_edges: .* got nan"),
        ("drop_edges = [0.1, 1.5]", r"drop_edges: .* got \[0\.1, 1\.5\]"),
        ("drop_edges = []", "drop_edges: "),
        ("drop_edges = true", "drop_edges: .* got True"),
        ("units = [10_000_000, 8]", r"units: expected .* in \[1, 65536\], got \[10000000, 8\]"),
        (f"units = {[8] * 65}", "units: expected at most 64 values, got 65"),
        ("hops = 2_000_000_000", r"hops: expected an integer in \[0, 1000\], got 2000000000"),
        ("learning_rate = 1" + "0" * 400, "learning_rate: expected a number above 0"),
    ],
)
def test_bad_files_are_refused_by_key(line, message, toml):
    refused(message, parse_args, [*OUTPUT, "--config", toml(line)])


def test_a_missing_file_is_named(tmp_path):
    refused(
        "cannot read .*none.toml: No such",
        load_toml,
        tmp_path / "none.toml",
        PretrainConfig,
    )
    refused("cannot read", load_toml, tmp_path, PretrainConfig)


def test_python_values_are_checked_too(tmp_path):
    refused("--drop-edges: .*got 1.5", PretrainConfig, output="o", drop_edges=1.5)
    refused("--knn: .*got None", PretrainConfig, output="o", knn=None)
    assert PretrainConfig(output=tmp_path).output == str(tmp_path)
    with pytest.raises(dataclasses.FrozenInstanceError):
        PretrainConfig(output="o").steps = 3

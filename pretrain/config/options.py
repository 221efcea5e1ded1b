"""The configuration of the main job: every option is defined once, in `PretrainConfig`.

The flags of the command line, the keys of a TOML file and the checks all come from the fields'
metadata. Flag `--learning-rate`, key `learning_rate` (or `learning-rate`), field `learning_rate`;
`lambda` is a word of Python's own, so its field is `lambda_`. A flag wins over the file, the file
wins over the default.
"""

import argparse
import dataclasses
import difflib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ..errors import InputError
from ..training.early_stopping import CRITERIA
from . import option

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SCHEDULES = ("constant", "cosine")
LINEAR, GCN = "linear", "gcn"
ENCODERS = (LINEAR, GCN)
DEFAULT_UNITS = {LINEAR: (512,), GCN: (512, 256)}


def _field(definition: option.Option, default: Any = dataclasses.MISSING) -> Any:
    return dataclasses.field(default=default, metadata={"option": definition})


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """What one run of the main job does. Values are checked however it is made.

    Raises:
        InputError: naming the option, what was expected and what came.
    """

    output: str = _field(option.text("folder for everything the run writes", metavar="DIR"))
    dataset: str = _field(
        option.text("digits, planetoid:NAME, npz:FILE or npy:FOLDER", metavar="NAME"), "digits"
    )
    data_dir: str | None = _field(
        option.text(
            "folder with the planetoid files; default: $GBT_DATA_DIR", metavar="DIR", optional=True
        ),
        None,
    )
    knn: int = _field(option.integer("neighbours per node of the digits graph", 1), 10)
    seed: int = _field(option.seed("the same seed makes two runs on one machine equal"), 0)
    steps: int | None = _field(
        option.integer(
            "training steps, each over the full graph; default: 60 with the linear encoder, 200"
            " with the gcn",
            1,
            optional=True,
        ),
        None,
    )
    fan_out: tuple[int, ...] = _field(
        option.integer(
            "train on sampled subgraphs: neighbours to draw per hop, one number for each of"
            " --units; none: the full graph",
            1,
            arity="any",
        ),
        (),
    )
    batch_size: int | None = _field(
        option.integer("most root nodes per step of sampling; default: 1024", 2, optional=True),
        None,
    )
    epochs: int | None = _field(
        option.integer("passes over the nodes when sampling; default: 1", 1, optional=True), None
    )
    learning_rate: float = _field(option.positive("learning rate of AdamW"), 1e-3)
    warmup_steps: int = _field(
        option.integer("steps in which the learning rate rises from 0 to its value", 0), 0
    )
    schedule: str = _field(
        option.choice("the learning rate after the warm-up; cosine: down to 0", SCHEDULES),
        "constant",
    )
    early_stopping: str = _field(
        option.choice("end when this curve no longer improves; labels are not used", CRITERIA),
        "none",
    )
    patience: int = _field(
        option.integer("steps over which --early-stopping takes the mean of its curve", 1), 20
    )
    weight_decay: float = _field(option.non_negative("decoupled weight decay"), 0.0)
    encoder: str | None = _field(
        option.choice(
            "linear: features propagated over --hops; gcn: graph convolutions; default: linear"
            " where at most 30 % of the feature entries are not zero, and neither several --units"
            " nor --fan-out are given",
            ENCODERS,
            optional=True,
        ),
        None,
    )
    units: tuple[int, ...] | None = _field(
        option.integer(
            "widths of the encoder's layers, one for the linear encoder; default: 512 (at most the"
            " number of nodes and of features) for linear, 512 256 for gcn",
            1,
            arity="some",
            optional=True,
        ),
        None,
    )
    hops: int | None = _field(
        option.integer("how far the linear encoder propagates; default: 8", 0, optional=True), None
    )
    drop_edges: tuple[float, float] | None = _field(
        option.rates(
            "share of edges dropped in each view; default: 0.7, and 0.3 when sampling, which drops"
            " some too",
            optional=True,
        ),
        None,
    )
    mask_features: tuple[float, float] | None = _field(
        option.rates(
            "share of feature columns masked in each view; default: 0.2 for bags of words, falling"
            " to 0 where two thirds of the entries are not zero",
            optional=True,
        ),
        None,
    )
    drop_entries: tuple[float, float] = _field(
        option.rates("share of feature entries dropped in each view, the others scaled up"),
        (0.0, 0.0),
    )
    lambda_: float | None = _field(
        option.non_negative("weight of the redundancy term; default: 1 / D", optional=True), None
    )
    projector_units: tuple[int, ...] = _field(
        option.integer("widths of the projector's layers; none: no projector", 1, arity="any"), ()
    )
    folds: int = _field(option.integer("folds of the probe where no split is given", 2), 10)
    hold_out_edges: float = _field(
        option.share("share of links to take out before training, for link prediction"), 0.0
    )
    overwrite: bool = _field(option.switch("replace what is in the output folder"), False)
    resume: bool = _field(option.switch("continue the run in the output folder"), False)
    quiet: bool = _field(option.switch("no progress bar"), False)

    def __post_init__(self):
        for field in dataclasses.fields(self):
            checked = _option_of(field).check(_flag(field), getattr(self, field.name))
            object.__setattr__(self, field.name, checked)
        if self.overwrite and self.resume:
            raise InputError("--overwrite and --resume contradict each other; give one of them")
        _check_encoder(self)
        _check_sampling(self)

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold, under the keys of a TOML file; None where not set."""
        values = {_key(field): getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in values.items()
        }


class CommandLineParser(argparse.ArgumentParser):
    """An ArgumentParser that raises InputError, so that bad flags too give one line."""

    def __init__(self, *args, allow_abbrev: bool = False, **kwargs):
        # Abbreviations would break whenever a longer flag is added.
        super().__init__(*args, allow_abbrev=allow_abbrev, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Raises InputError in place of printing the usage and leaving."""
        raise InputError(message)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--config` and one flag for every field of `PretrainConfig`."""
    parser.add_argument(
        "--config", metavar="FILE.toml", help="options under the same names; flags win over it"
    )
    for field in dataclasses.fields(PretrainConfig):
        definition = _option_of(field)
        # None stands for "not given", whatever the field's default: only then may the file speak.
        arguments: dict[str, Any] = {
            "dest": field.name,
            "default": None,
            "help": (definition.help + _default_note(field)).replace("%", "%%"),
        }
        if definition.scalar is bool:
            arguments["action"] = argparse.BooleanOptionalAction
        else:
            arguments["metavar"] = definition.metavar or definition.scalar.__name__.upper()
            nargs = {"one": None, "pair": "+", "some": "+", "any": "*"}
            arguments["nargs"] = nargs[definition.arity]
        parser.add_argument(_flag(field), **arguments)


def build_parser() -> CommandLineParser:
    """Returns a parser of the main job's flags."""
    parser = CommandLineParser(description="Pretrain node embeddings of a graph.")
    add_arguments(parser)
    return parser


def config_from_args(namespace: argparse.Namespace) -> PretrainConfig:
    """Joins the flags in `namespace`, the file behind `--config` and the defaults.

    Raises:
        InputError: bad values, an unreadable file, or no `--output`.
    """
    values = load_toml(namespace.config) if namespace.config is not None else {}
    for field in dataclasses.fields(PretrainConfig):
        words = getattr(namespace, field.name)
        if words is not None:
            values[field.name] = _option_of(field).parse(_flag(field), words)
    if "output" not in values:
        raise InputError("--output DIR is required: the folder for everything the run writes")
    return PretrainConfig(**values)


def parse_args(argv: Sequence[str] | None = None) -> PretrainConfig:
    """Returns the configuration that the flags in `argv` (default: sys.argv[1:]) describe."""
    return config_from_args(build_parser().parse_args(argv))


def load_toml(path: str | Path) -> dict[str, Any]:
    """Reads options from a TOML file.

    Returns:
        Field names of `PretrainConfig` with checked values, only those that the file sets.

    Raises:
        InputError: missing or malformed file, unknown key, or a value that the option refuses.
    """
    try:
        content = Path(path).read_text(encoding="utf-8")
        return values_from_mapping(tomllib.loads(content), where=str(path))
    except OSError as error:
        raise InputError(f"cannot read --config {path}: {error.strerror or error}") from None
    # tomllib.TOMLDecodeError and UnicodeDecodeError are ValueErrors, and so is InputError.
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{path}: not a TOML file: {error}") from None


def values_from_mapping(mapping: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """Returns checked values by field name; `where` names the source of `mapping` in messages.

    Reads TOML files, and the inverse of `to_dict`.

    Raises:
        InputError: unknown key, one option twice, or a value that the option refuses.
    """
    fields = {_key(field): field for field in dataclasses.fields(PretrainConfig)}
    values: dict[str, Any] = {}
    for written, value in mapping.items():
        field = fields.get(written.replace("-", "_"))
        if field is None:
            near = difflib.get_close_matches(written, fields, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"keys are: {', '.join(fields)}"
            raise InputError(f"{where}: unknown key {written!r}; {hint}")
        if field.name in values:
            raise InputError(f"{where}: the key {_key(field)!r} is given twice")
        values[field.name] = _option_of(field).check(f"{where}: {written}", value)
    return values


def _check_encoder(config: PretrainConfig) -> None:
    """The linear encoder has one width, and it alone has hops."""
    widths = len(config.units or (0,))
    if config.encoder == LINEAR and widths > 1:
        raise InputError(f"--units: expected one width for --encoder linear, got {widths}")
    if config.hops is not None and (config.encoder == GCN or widths > 1 or config.fan_out):
        raise InputError(
            "--hops belongs to the linear encoder, which --encoder gcn, several --units and"
            " --fan-out exclude; a gcn reaches one hop with each of --units"
        )


def _check_sampling(config: PretrainConfig) -> None:
    """A full graph is trained for steps, sampled subgraphs are for epochs."""
    if not config.fan_out:
        for name in ("batch_size", "epochs"):
            if getattr(config, name) is not None:
                raise InputError(
                    f"--{name.replace('_', '-')} needs --fan-out: without sampling each step takes"
                    " the full graph"
                )
        return
    if config.encoder == LINEAR:
        raise InputError("--encoder linear and --fan-out contradict each other; use --encoder gcn")
    layers = len(config.units or DEFAULT_UNITS[GCN])
    if len(config.fan_out) != layers:
        widths = "" if config.units else f" ({' '.join(map(str, DEFAULT_UNITS[GCN]))} by default)"
        raise InputError(
            f"--fan-out: expected one number for each of the {layers} layers of --units{widths},"
            f" got {len(config.fan_out)}"
        )
    if config.steps is not None:
        raise InputError(
            "--steps and --fan-out contradict each other: sampled subgraphs are trained on for"
            " --epochs"
        )


def _option_of(field: dataclasses.Field) -> option.Option:
    return field.metadata["option"]


def _key(field: dataclasses.Field) -> str:
    return field.name.rstrip("_")


def _flag(field: dataclasses.Field) -> str:
    return "--" + _key(field).replace("_", "-")


def _default_note(field: dataclasses.Field) -> str:
    default = field.default
    if default is dataclasses.MISSING:
        return " (required)"
    if default is None or default == () or isinstance(default, bool):
        return ""
    shown = " ".join(str(one) for one in default) if isinstance(default, tuple) else default
    return f" (default: {shown})"

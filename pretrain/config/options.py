"""The configuration of the main job: every option is defined once, in `PretrainConfig`."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..errors import InputError
from . import defaults, option
from .base import Options, field
from .defaults import ADAM, BY_STEPS, CHANNELS, CLOSED_FORM, ENCODERS, GCN, LINEAR, TRAININGS, WIDE
from .places import without_folders

SCHEDULES = ("constant", "cosine")
CRITERIA = ("none", "loss", "rankme")  # of early stopping

# Options that say where files lie; what a run writes does not name them.
PLACES = ("output", "data_dir")
# Options that the other commands have too.
DATA_DIR = option.text("folder with the planetoid files; default: $GBT_DATA_DIR", metavar="DIR")
FOLDS = option.integer(
    "folds of the probe where no split is given; default: 10, 3 of more than 10,000 labelled nodes",
    2,
)
KNN = option.integer("neighbours per node of the digits graph", 1)


def _words(encoder: str) -> str:
    """The default widths as they are written on the command line."""
    return " ".join(map(str, defaults.UNITS[encoder]))


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainConfig(Options):
    """What the user asks of the main job; None is left to the graph, see `make_recipe`."""

    output: str = field(option.text("folder for everything the run writes", metavar="DIR"))
    dataset: str = field(
        option.text("digits, planetoid:NAME, npz:FILE or npy:FOLDER", metavar="NAME"), "digits"
    )
    data_dir: str | None = field(DATA_DIR, None)
    knn: int = field(KNN, 10)
    seed: int = field(option.seed("the same seed makes two runs on one machine equal"), 0)
    training: str | None = field(
        option.choice(
            "adam: step by step, of linear and gcn; closed-form: by one linear system, of linear"
            " and channels; none: the encoder as it starts; default: adam for linear and gcn,"
            " closed-form for channels, none for wide",
            TRAININGS,
        ),
        None,
    )
    steps: int | None = field(
        option.integer(
            f"training steps, each over the full graph; default: {defaults.STEPS[LINEAR]} with the"
            f" linear encoder, {defaults.STEPS[GCN]} with the gcn",
            1,
        ),
        None,
    )
    fan_out: tuple[int, ...] = field(
        option.integer(
            "train on sampled subgraphs: neighbours to draw per hop, one number for each of"
            " --units; none: the full graph",
            1,
            arity="any",
        ),
        (),
    )
    batch_size: int | None = field(
        option.integer(f"most root nodes per step of sampling; default: {defaults.BATCH_SIZE}", 2),
        None,
    )
    epochs: int | None = field(
        option.integer(f"passes over the nodes when sampling; default: {defaults.EPOCHS}", 1), None
    )
    learning_rate: float = field(option.positive("learning rate of AdamW"), 1e-3)
    warmup_steps: int = field(
        option.integer("steps in which the learning rate rises from 0 to its value", 0), 0
    )
    schedule: str = field(
        option.choice("the learning rate after the warm-up; cosine: down to 0", SCHEDULES),
        "constant",
    )
    early_stopping: str = field(
        option.choice("end when this curve no longer improves; labels are not used", CRITERIA),
        "none",
    )
    patience: int = field(
        option.integer("steps over which --early-stopping takes the mean of its curve", 1), 20
    )
    weight_decay: float = field(option.non_negative("decoupled weight decay"), 0.0)
    encoder: str | None = field(
        option.choice(
            "linear: features propagated over --hops; gcn: graph convolutions; channels: own"
            " features, neighbours' and relations, weighed one by one; wide: statistics of"
            " neighbourhoods in one random layer; default: what the graph's features say, and"
            " linear or gcn if options of a training by steps are given (see docs/recipe.md)",
            ENCODERS,
        ),
        None,
    )
    units: tuple[int, ...] | None = field(
        option.widths(
            "widths of the encoder's layers, one of all but the gcn; default:"
            f" {_words(GCN)} for gcn, {_words(LINEAR)} for others, if the graph has as many nodes"
            " and features",
            "some",
        ),
        None,
    )
    hops: int | None = field(
        option.depth(f"how far the linear encoder propagates; default: {defaults.HOPS}", 0), None
    )
    channels: tuple[str, ...] = field(
        option.text(
            "what the encoder of channels looks at, and how much that weighs: own, hop, two-hops,"
            " smooth, and of a relation NAME its ways NAME>, NAME<, NAME><, NAME<>; default: by"
            " what the graph's features say",
            "NAME=WEIGHT",
            arity="any",
            metavar="NAME=WEIGHT",
        ),
        (),
    )
    drop_channels: tuple[float, float] | None = field(
        option.rates(
            "share of its channels that each node loses in each view; default:"
            f" {defaults.CHANNEL_RATE}, and {defaults.RELATION_RATE} with relations"
        ),
        None,
    )
    scale_features: bool = field(
        option.switch(
            "divide dense columns by their spread where one is a hundred times the middle one, the"
            " default; not in the gcn"
        ),
        True,
    )
    drop_edges: tuple[float, float] | None = field(
        option.rates(
            f"share of edges dropped in each view; default: {defaults.EDGE_RATE}, and"
            f" {defaults.SAMPLED_EDGE_RATE} when sampling, which drops some too"
        ),
        None,
    )
    mask_features: tuple[float, float] | None = field(
        option.rates(
            f"share of feature columns masked in each view; default: {defaults.MASK_RATE} for bags"
            " of words, falling to 0 where two thirds of the entries are not zero"
        ),
        None,
    )
    drop_entries: tuple[float, float] = field(
        option.rates("share of feature entries dropped in each view, the others scaled up"),
        (0.0, 0.0),
    )
    lambda_: float | None = field(
        option.non_negative("weight of the redundancy term; default: 1 / D"), None
    )
    projector_units: tuple[int, ...] = field(
        option.widths("widths of the projector's layers; none: no projector", "any"), ()
    )
    folds: int | None = field(FOLDS, None)
    hold_out_edges: float = field(
        option.share("share of links to take out before training, for link prediction"), 0.0
    )
    overwrite: bool = field(option.switch("replace what is in the output folder"), False)
    resume: bool = field(option.switch("continue the run in the output folder"), False)
    quiet: bool = field(option.switch("no progress bar"), False)

    def __post_init__(self):
        super().__post_init__()
        if self.overwrite and self.resume:
            raise InputError("--overwrite and --resume contradict each other; give one of them")
        _check_training(self)
        _check_encoder(self)
        _check_sampling(self)

    def portable(self) -> dict[str, Any]:
        """`to_dict` without what tells where files lie on this machine."""
        options = self.to_dict() | {"dataset": without_folders(self.dataset)}
        return {name: value for name, value in options.items() if name not in PLACES}


def _given(config: PretrainConfig, *names: str) -> str | None:
    """The first of these options that has another value than its default, as it is written."""
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    for name in names:
        if getattr(config, name) != defaults[name]:
            return "--" + name.rstrip("_").replace("_", "-")
    return None


def _check_training(config: PretrainConfig) -> None:
    """Options of a training by steps ask for one."""
    if (given := step_option(config)) is None:
        return
    if config.training in (None, ADAM) and config.encoder in (None, *BY_STEPS):
        return
    other = (
        f"--encoder {config.encoder}"
        if config.encoder not in (None, *BY_STEPS)
        else f"--training {config.training}"
    )
    if given == f"--training {ADAM}":
        raise InputError(f"{given} needs --encoder {' or '.join(BY_STEPS)}, not {other}")
    raise InputError(f"{given} belongs to --training {ADAM}, not to {other}")


def step_option(config: PretrainConfig) -> str | None:
    """The first option given that only a training by steps has, as it is written; None: none."""
    if config.training == ADAM:
        return f"--training {ADAM}"
    return _given(
        config,
        "fan_out",
        "steps",
        "epochs",
        "batch_size",
        "projector_units",
        "early_stopping",
        "patience",
        "learning_rate",
        "warmup_steps",
        "schedule",
        "weight_decay",
        "drop_entries",
    )


def view_option(config: PretrainConfig) -> str | None:
    """The first option given that only views of the linear encoder and the gcn have."""
    return _given(config, "drop_edges", "mask_features", "lambda_")


def _check_encoder(config: PretrainConfig) -> None:
    """The gcn alone has several widths, linear has hops; each encoder has its training."""
    widths = len(config.units or (0,))
    if config.encoder not in (None, GCN) and widths > 1:
        raise InputError(
            f"--units: expected one width for --encoder {config.encoder}, got {widths}"
        )
    if config.hops is not None and (
        config.encoder not in (None, LINEAR) or widths > 1 or config.fan_out
    ):
        raise InputError(
            "--hops belongs to the linear encoder, which another --encoder, several --units and"
            " --fan-out exclude; a gcn reaches one hop with each of --units"
        )
    if config.training == CLOSED_FORM and (config.encoder in (GCN, WIDE) or widths > 1):
        raise InputError(
            f"--training {CLOSED_FORM} needs --encoder {LINEAR} or {CHANNELS}, and one of --units"
        )
    given = _given(config, "channels", "drop_channels")
    others = config.encoder not in (None, CHANNELS) or step_option(config) or widths > 1
    if given and (others or config.hops is not None):
        raise InputError(
            f"{given} belongs to --encoder {CHANNELS}, which other encoders, several --units,"
            " --hops and a training by steps exclude"
        )
    given = view_option(config)
    if given and config.encoder in (CHANNELS, WIDE):
        raise InputError(f"{given} has no meaning for --encoder {config.encoder}")


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
    if config.encoder not in (None, GCN):
        raise InputError(
            f"--encoder {config.encoder} and --fan-out contradict each other; use --encoder gcn"
        )
    layers = len(config.units or defaults.UNITS[GCN])
    if len(config.fan_out) != layers:
        widths = "" if config.units else f" ({_words(GCN)} by default)"
        raise InputError(
            f"--fan-out: expected one number for each of the {layers} layers of --units{widths},"
            f" got {len(config.fan_out)}"
        )
    if config.steps is not None:
        raise InputError(
            "--steps and --fan-out contradict each other: sampled subgraphs are trained on for"
            " --epochs"
        )

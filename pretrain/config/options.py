"""The configuration of the main job: every option is defined once, in `PretrainConfig`."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..errors import InputError
from . import defaults, option
from .base import Options, field
from .defaults import ADAM, CLOSED_FORM, ENCODERS, GCN, LINEAR, TRAININGS
from .places import without_folders

SCHEDULES = ("constant", "cosine")
CRITERIA = ("none", "loss", "rankme")  # of early stopping

# Options that say where files lie; what a run writes does not name them.
PLACES = ("output", "data_dir")
# Options that the other commands have too.
DATA_DIR = option.text("folder with the planetoid files; default: $GBT_DATA_DIR", metavar="DIR")
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
    training: str = field(
        option.choice(
            "adam: step by step; closed-form: the linear encoder by one linear system; none: the"
            " encoder as it starts",
            TRAININGS,
        ),
        ADAM,
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
            "linear: features propagated over --hops; gcn: graph convolutions; default: linear"
            f" where at most {100 * defaults.WORDS_DENSITY:g} % of the feature entries are not"
            " zero, and neither several --units nor --fan-out are given",
            ENCODERS,
        ),
        None,
    )
    units: tuple[int, ...] | None = field(
        option.widths(
            "widths of the encoder's layers, one for the linear encoder; default:"
            f" {_words(LINEAR)} (at most the number of nodes and of features) for linear,"
            f" {_words(GCN)} for gcn",
            "some",
        ),
        None,
    )
    hops: int | None = field(
        option.depth(f"how far the linear encoder propagates; default: {defaults.HOPS}", 0), None
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
    folds: int = field(option.integer("folds of the probe where no split is given", 2), 10)
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


def _check_training(config: PretrainConfig) -> None:
    """Options of a training by steps ask for one."""
    if config.training == ADAM:
        return
    steps = ("fan_out", "steps", "epochs", "batch_size", "projector_units", "early_stopping")
    unlike = {field.name: field.default for field in dataclasses.fields(config)}
    for name in (*steps, "drop_entries"):
        if getattr(config, name) != unlike[name]:
            raise InputError(
                f"--{name.replace('_', '-')} belongs to --training {ADAM}, not to"
                f" --training {config.training}"
            )
    widths = len(config.units or (0,))
    if config.training == CLOSED_FORM and (config.encoder == GCN or widths > 1):
        raise InputError(
            f"--training {CLOSED_FORM} needs the linear encoder, which --encoder gcn and several"
            " --units exclude"
        )


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

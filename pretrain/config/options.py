"""The configuration of the main job: every option is defined once, in `PretrainConfig`."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..errors import InputError
from . import defaults, option
from .base import field
from .cluster import check_workers
from .defaults import ENCODERS, GCN, LINEAR, TRAININGS
from .places import CHOICES, without_folders
from .rules import check_encoder, check_sampling, check_training, words_of
from .shared import FOLDS, GraphOptions

SCHEDULES = ("constant", "cosine")
CRITERIA = ("none", "loss", "rankme")  # of early stopping

# Options that say where files lie, and machines; what a run writes does not name them.
PLACES = (
    *("output", "data_dir", "nodes", "edges", "schema", "sampling_spec"),
    *("workers", "worker_index", "worker_timeout"),
)
OF_TABLES = ("id_column", "label_column")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainConfig(GraphOptions):
    """What the user asks of the main job; None is left to the graph, see `make_recipe`."""

    output: str = field(option.path("folder for everything the run writes", metavar="DIR"))
    dataset: str = field(option.text(CHOICES, metavar="NAME"), "digits")
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
            " --units, or of TF-GNN's encoder, there for each edge set; all: every neighbour; none:"
            " the full graph",
            1,
            arity="any",
            metavar="INT|all",
            words={"all": option.MOST},  # `make_recipe` takes as many as a node has at most
        ),
        (),
    )
    sampling_spec: str | None = field(
        option.path(
            "how to sample subgraphs of several node sets, in place of --fan-out: a SamplingSpec of"
            " TF-GNN as text",
            metavar="FILE",
        ),
        None,
    )
    batch_size: int | None = field(
        option.integer(
            f"most root nodes per step of sampling; default: {defaults.BATCH_SIZE},"
            f" {defaults.TEMPLATE_BATCH_SIZE} with TF-GNN's encoders",
            2,
        ),
        None,
    )
    epochs: int | None = field(
        option.integer(f"passes over the nodes when sampling; default: {defaults.EPOCHS}", 1), None
    )
    workers: tuple[str, ...] = field(
        option.text(
            "addresses of all processes that train together, the chief's first, with --fan-out; the"
            " same on all of them; default: what TF_CONFIG says, else this process alone",
            "HOST:PORT",
            arity="any",
            metavar="HOST:PORT",
        ),
        (),
    )
    worker_index: int | None = field(
        option.integer("which of --workers this process is; 0: the chief, who writes", 0), None
    )
    worker_timeout: float = field(
        option.positive("seconds to wait for other workers, at the start and when one is gone"),
        600.0,
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
            " neighbourhoods in one random layer; mt_albis, graph_sage, hgt: of TF-GNN, on sampled"
            " subgraphs of all node sets; default: what the graph's features say, and"
            " linear or gcn if options of a training by steps are given (see"
            " docs/theory/recipe.md)",
            ENCODERS,
        ),
        None,
    )
    units: tuple[int, ...] | None = field(
        option.widths(
            "widths of the encoder's layers, one of all but the gcn; default:"
            f" {words_of(GCN)} for gcn, {words_of(LINEAR)} for others, if there are as many nodes"
            " and features",
            "some",
        ),
        None,
    )
    hops: int | None = field(
        option.depth(
            f"how far the linear encoder propagates, default: {defaults.HOPS}; rounds of message"
            " passing of TF-GNN's encoders, default: one for each number of --fan-out",
            0,
        ),
        None,
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
    drop_entries: tuple[float, float] | None = field(
        option.rates(
            "share of feature entries dropped in each view, the others scaled up; default: 0, and"
            f" {defaults.TEMPLATE_ENTRY_RATE} with TF-GNN's encoders"
        ),
        None,
    )
    lambda_: float | None = field(
        option.non_negative("weight of the redundancy term; default: 1 / D, of mt_albis 10 / D"),
        None,
    )
    projector_units: tuple[int, ...] = field(
        option.widths("widths of the projector's layers; none: no projector", "any"), ()
    )
    evaluation: bool = field(
        option.switch("probes, clusters and baselines after the training, the default"), True
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
        if self.edges is not None and self.dataset != "digits":
            raise InputError("--dataset and --edges contradict each other; give one of them")
        check_training(self)
        check_encoder(self)
        check_sampling(self)
        check_workers(self)

    def portable(self) -> dict[str, Any]:
        """`to_dict` without what tells where files lie on this machine."""
        dataset = self.dataset if self.edges is None else f"tables:{self.edges}"
        options = self.to_dict() | {"dataset": without_folders(dataset)}
        return {name: value for name, value in options.items() if name not in PLACES}

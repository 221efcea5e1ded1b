"""Which options of the main job go together."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..errors import InputError
from . import defaults
from .defaults import (
    ADAM,
    BY_STEPS,
    CHANNELS,
    CLOSED_FORM,
    GCN,
    HEADS,
    HGT,
    LINEAR,
    TEMPLATES,
    WIDE,
)


def words_of(encoder: str) -> str:
    """The default widths as they are written on the command line."""
    return " ".join(map(str, defaults.UNITS[encoder]))


def _given(config: Any, *names: str) -> str | None:
    """The first of these options that has another value than its default, as it is written."""
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    for name in names:
        if getattr(config, name) != defaults[name]:
            return "--" + name.rstrip("_").replace("_", "-")
    return None


def check_training(config: Any) -> None:
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


def step_option(config: Any) -> str | None:
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


def view_option(config: Any) -> str | None:
    """The first option given that only views of the linear encoder and the gcn have."""
    return _given(config, "drop_edges", "mask_features", "lambda_")


def check_encoder(config: Any) -> None:
    """The gcn alone has several widths, linear has hops; each encoder has its training."""
    widths = len(config.units or (0,))
    if config.encoder not in (None, GCN) and widths > 1:
        raise InputError(
            f"--units: expected one width for --encoder {config.encoder}, got {widths}"
        )
    is_template = config.encoder in TEMPLATES
    if (
        config.hops is not None
        and not is_template
        and (config.encoder not in (None, LINEAR) or widths > 1 or config.fan_out)
    ):
        raise InputError(
            "--hops belongs to the linear encoder, which another --encoder, several --units and"
            " --fan-out exclude; a gcn reaches one hop with each of --units"
        )
    if config.training == CLOSED_FORM and (config.encoder in (GCN, WIDE, *TEMPLATES) or widths > 1):
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
    if config.encoder == HGT and (config.units or (HEADS,))[0] % HEADS:
        raise InputError(
            f"--units: expected a multiple of {HEADS}, the heads of {HGT}, got {config.units[0]}"
        )
    given = view_option(config)
    if is_template:
        given = _given(config, "mask_features", "steps", "scale_features", "hold_out_edges")
    if given and config.encoder in (CHANNELS, WIDE, *TEMPLATES):
        raise InputError(f"{given} has no meaning for --encoder {config.encoder}")


def check_sampling(config: Any) -> None:
    """A full graph is trained for steps, sampled subgraphs are for epochs."""
    if config.sampling_spec is not None:
        if config.encoder not in TEMPLATES:
            raise InputError(f"--sampling-spec needs --encoder {' or '.join(TEMPLATES)}")
        if config.fan_out:
            raise InputError("--sampling-spec and --fan-out contradict each other; give one")
    if config.encoder in TEMPLATES:
        return
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
        widths = "" if config.units else f" ({words_of(GCN)} by default)"
        raise InputError(
            f"--fan-out: expected one number for each of the {layers} layers of --units{widths},"
            f" got {len(config.fan_out)}"
        )
    if config.steps is not None:
        raise InputError(
            "--steps and --fan-out contradict each other: sampled subgraphs are trained on for"
            " --epochs"
        )

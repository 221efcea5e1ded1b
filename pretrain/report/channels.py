"""What the gates measured of a graph and what was chosen, in words; for the log and the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..encoder.channels.gates import DENSE_RELIABILITY

_ENCODERS = {
    "linear": "neighbours are alike: their features are smoothed over several hops (linear)",
    "gcn": "neighbours are alike: their features are smoothed by graph convolutions (gcn)",
    "wide": "few features: statistics of each neighbourhood go through one wide random layer",
    "channels": "channels side by side, each with its weight",
}


def channel_lines(options: Mapping[str, Any]) -> list[str]:
    """Lines of plain text.

    Args:
        options: of a recipe, as `Recipe.to_dict` gives them.

    Returns:
        What was measured, if anything was; the encoder in words; and the channels, if it has some.
    """
    return [*measured_lines(options.get("measured")), *_chosen_lines(options)]


def measured_lines(measured: Mapping[str, float] | None) -> list[str]:
    """One sentence for each thing that was measured."""
    if not measured:
        return []
    own, hop = measured["own_reliability"], measured["hop_reliability"]
    enough = "0.1" if own is not None else "between 0.1 and 0.2"
    likeness = (
        f"likeness of neighbours {measured['likeness']:.3f}: of what nodes have in common with one"
        f" another, the share that neighbours have (0: nothing; {enough} or more: smooth)"
    )
    if own is None:
        return [
            likeness,
            f"reliability of neighbours {hop:.3f}: neighbours {_trust(DENSE_RELIABILITY, hop)}",
        ]
    return [
        likeness,
        f"reliability of a node's own features {own:.3f}, of its neighbours' {hop:.3f}: neighbours"
        f" {_trust(own, hop)}",
    ]


def _trust(own: float, hop: float) -> str:
    ratio = hop / max(own, 1e-6)
    if ratio <= 1:
        return "tell less than the node itself, so they are left out"
    if ratio < 1.5:
        return "tell a little more than the node itself, so they have a part of their weight"
    return "tell more than the node itself"


def _chosen_lines(options: Mapping[str, Any]) -> list[str]:
    lines = []
    if options.get("encoder") in _ENCODERS:
        lines.append(f"encoder: {_ENCODERS[options['encoder']]}")
    if options.get("scale_features"):
        lines.append(
            "columns differ in scale: each is divided by its spread (--no-scale-features: not)"
        )
    channels = options.get("channels")
    if channels:
        used = [f"{name} {weight:g}" for name, weight in channels.items() if weight > 0]
        lines.append(f"channels: {', '.join(used)}")
    return lines

"""The short table at the end of a run."""

from __future__ import annotations

from ..evaluation.table import table
from ..job import JobResult


def summary(result: JobResult) -> str:
    """Measures of the trained encoder and the baselines, the curves' ends, the paths written."""
    metrics, folder = result.metrics, result.folder
    lines = [f"the run in {folder.root} was complete" if result.was_complete else ""]
    if metrics["probe"]:
        protocol = next(iter(metrics["probe"].values()))["protocol"]
        lines += [f"in percent; probes: {protocol}", ""]
    if metrics["evaluation"]:
        lines.append(table(metrics["evaluation"]))
    if not metrics["probe"]:
        lines.append("no labels, so no probes")
    loss = metrics["curves"]["loss"]
    lines.append("")
    if loss:
        lines.append(f"{'loss, first and last':<28}  {loss[0]:.4g} -> {loss[-1]:.4g}")
    lines += [
        f"{'RankMe of the embeddings':<28}  {metrics['rankme']:.1f} of {metrics['dimension']}",
        f"{'seconds, training and total':<28}  {metrics['seconds']['training']:.1f} of"
        f" {metrics['seconds']['total']:.1f}",
    ]
    if (peak := metrics["peak_memory_mb"]) is not None:  # not every system tells
        lines.append(f"{'peak memory of the process':<28}  {peak:,.0f} MB")
    lines.append("")
    written = {"report": folder.report} if folder.report.exists() else {}
    written |= {
        "embeddings": folder.embeddings,
        "model": folder.model,
        "metrics": folder.metrics,
        "configuration": folder.config,
        "TensorBoard log": folder.tensorboard,
    }
    lines += [f"{name:<28}  {path}" for name, path in written.items()]
    return "\n".join(lines)

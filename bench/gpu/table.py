"""The rows of bench/gpu/run.py as a table for docs/results/benchmarks.md.

python -m bench.gpu.table [bench/results/gpu.jsonl]
"""

import json
import statistics
import sys
from pathlib import Path

RIVALS = ("JAX formula", "JAX formula, full float32", "PyTorch batch norm", "bare products")


def render(rows):
    """Markdown: milliseconds of ours, and how many times as long each rival takes."""
    head = ["case", "ours, ms", *(f"{name} / ours" for name in RIVALS), "error of gradients"]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        if "times_ms" not in row:
            lines.append([row["name"], row["error"], *[""] * (len(head) - 2)])
            continue
        medians = {name: statistics.median(times) for name, times in row["times_ms"].items()}
        ratios = [
            f"{medians[name] / medians['ours']:.2f}x" if name in medians else "" for name in RIVALS
        ]
        errors = [value for name, value in row["errors"].items() if name != "loss"]
        shown = f"{max(errors):.0e}" if errors else ""
        lines.append([row["name"], f"{medians['ours']:.3f}", *ratios, shown])
    device = f"{rows[0]['device']}, JAX {rows[0]['jax']}, programs of TensorFlow"
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"{device} {rows[0]['tensorflow']}\n\n{table}\n"


def main(argv=None):
    """The command."""
    [path] = (sys.argv[1:] if argv is None else argv) or ["bench/results/gpu.jsonl"]
    print(render([json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]))


if __name__ == "__main__":
    main()

"""Which path is the faster one on a GPU, as measured, and what a model of their costs would choose.

python -m bench.gpu.cost [bench/results/gpu_h100.jsonl]

Milliseconds of the direct path as ``a + b N D^2 + c D^2 + d N D``, of the gram path as
``a + b N^2 D + c N^2 + d N D``: launches, products, entries of the small matrices, entries of the
views. The coefficients are fitted to the rows by least relative squares, none below 0.
"""

import json
import statistics
import sys
from pathlib import Path

import numpy as np
from graph_barlow_twins.kernels.loss.paths import choose_path
from scipy.optimize import nnls

PATHS = ("direct", "gram")


def terms(rows, features, path):
    """What the milliseconds are linear in, in billions and millions of operations or entries."""
    small, large = (features, rows) if path == "direct" else (rows, features)
    return np.array([1, small**2 * large / 1e9, small**2 / 1e6, rows * features / 1e6])


def fit(times):
    """Coefficients by path, of ``{(N, D, path): milliseconds}``."""
    found = {}
    for path in PATHS:
        design = np.array([terms(*case) / ms for case, ms in times.items() if case[2] == path])
        found[path] = nnls(design, np.ones(len(design)))[0]
    return found


def render(times):
    """Markdown: the coefficients, and for each shape measured on both paths who is faster."""
    fitted = fit(times)
    lines = [f"{path}: {', '.join(f'{x:.4f}' for x in fitted[path])}" for path in PATHS]
    lines += ["", "| [N, D] | gram / direct | model | rule |", "| --- | --- | --- | --- |"]
    for rows, features in sorted({case[:2] for case in times}):
        shape = rows, features
        if all((*shape, path) in times for path in PATHS):
            ratio = times[(*shape, "gram")] / times[(*shape, "direct")]
            model = min(PATHS, key=lambda path: terms(*shape, path) @ fitted[path])
            rule = choose_path(*shape)
            lines.append(f"| {rows}x{features} | {ratio:.2f} | {model} | {rule} |")
    return "\n".join(lines)


def main(argv=None):
    """The command."""
    [path] = (sys.argv[1:] if argv is None else argv) or ["bench/results/gpu_h100.jsonl"]
    rows = [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
    times = {
        (row["rows"], row["features"], row["path"]): statistics.median(row["times_ms"]["ours"])
        for row in rows
        if row["dtype"] == "float32" and "path" in row and "times_ms" in row
    }
    print(render(times))


if __name__ == "__main__":
    main()

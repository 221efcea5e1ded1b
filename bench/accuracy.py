"""The results page: `python -m bench.accuracy` runs the main job and writes docs/results.md.

Every number of the page comes from metrics.json of a run of `graph-barlow-twins pretrain` with its
defaults; the page names each run's command.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from graph_barlow_twins.pretrain.evaluation.evaluate import MEASURES

from . import results
from .machine import ROOT, OthersShare
from .ratios import align
from .reporting import describe, start_run

FILE = Path("bench/results/recipe.jsonl")
PAGE = ROOT / "docs" / "results.md"
COMMAND = "graph-barlow-twins pretrain"
DATA_DIR = "../shared/data/planetoid"
# Name of the case, its options, number of seeds.
CASES = (
    ("digits", "--dataset digits", 10),
    ("Cora", f"--dataset planetoid:cora --data-dir {DATA_DIR}", 10),
    (
        "Cora, a tenth of the links held out",
        f"--dataset planetoid:cora --data-dir {DATA_DIR} --hold-out-edges 0.1",
        5,
    ),
)


def run_once(options: str, seed: int) -> dict:
    """metrics.json of one run, and the seconds of its whole process."""
    words = options.replace(DATA_DIR, os.environ.get("GBT_DATA_DIR", str(ROOT / DATA_DIR))).split()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "graph_barlow_twins.pretrain", "pretrain", "--quiet"]
        command += ["--output", f"{folder}/run", "--seed", str(seed), *words]
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        metrics = json.loads(Path(folder, "run", "metrics.json").read_text())
    return metrics | {"process_seconds": seconds}


def row_of(name: str, options: str, seed: int, metrics: dict) -> dict:
    """What is kept of a run."""
    measures = {
        who: {key: measure["mean"] for key, measure in found.items()}
        for who, found in metrics["evaluation"].items()
    }
    return {
        "kind": "row",
        "shape": name,
        "contestant": f"seed {seed}",
        "command": f"{COMMAND} --output DIR --seed {seed} {options}",
        "evaluation": measures,
        "rankme": metrics["rankme"],
        "dimension": metrics["dimension"],
        "loss": [metrics["curves"]["loss"][0], metrics["curves"]["loss"][-1]],
        "seconds": metrics["seconds"],
        "process_seconds": round(metrics["process_seconds"], 1),
    }


def spread(values: list[float]) -> str:
    """Mean and (biased) standard deviation of shares, in percent."""
    return f"{100 * statistics.fmean(values):.2f} ± {100 * statistics.pstdev(values):.2f}"


def render_case(name: str, options: str, rows: list[dict]) -> str:
    """Section of one graph."""
    keys = [key for key in MEASURES if key in next(iter(rows[0]["evaluation"].values()))]
    lines = [["", *(MEASURES[key] for key in keys)]]
    for who in rows[0]["evaluation"]:
        found = [row["evaluation"][who] for row in rows]
        lines.append([who, *(spread([one[key] for one in found]) for key in keys)])
    probes = ", ".join(
        f"{100 * row['evaluation']['trained encoder']['linear_probe']:.1f}" for row in rows
    )
    seconds = [row["process_seconds"] for row in rows]
    rank = statistics.fmean(row["rankme"] for row in rows)
    first, last = (statistics.fmean(row["loss"][end] for row in rows) for end in (0, 1))
    training = statistics.median(row["seconds"]["training"] for row in rows)
    return "\n".join(
        [
            f"## {name}",
            "",
            f"Seeds 0 to {len(rows) - 1} of",
            "",
            f"    {COMMAND} --output DIR --seed SEED {options}",
            "",
            *align(lines),
            "",
            f"- Linear probe of the trained encoder, seed by seed: {probes}.",
            f"- RankMe {rank:.0f} of {rows[0]['dimension']}; loss {first:.1f} at the first step,"
            f" {last:.1f} at the last.",
            "- From command to finished report, imports included: median"
            f" {statistics.median(seconds):.0f} s ({min(seconds):.0f} to {max(seconds):.0f});"
            f" training {training:.0f} s.",
            "",
        ]
    )


def render(run: dict, rows: list[dict]) -> str:
    """The whole page."""
    head = [
        "# Results",
        "",
        "Written by `python -m bench.accuracy`. Mean and standard deviation over training"
        " seeds, in percent, with the defaults of docs/recipe.md; protocols: docs/evaluation.md."
        " Labels take no part in training. The defaults were chosen with Cora and the digits in"
        " view, so their figures are somewhat optimistic.",
        "",
        describe(run),
        "",
        "Published for Cora, public split, linear probe: GraphMAE 84.2"
        " (https://arxiv.org/abs/2205.10803), CCA-SSG 84.2 (https://arxiv.org/abs/2106.12484).",
        "",
    ]
    parts = []
    for name, options, _ in CASES:
        found = [row for row in rows if row["shape"] == name]
        if found:
            parts.append(render_case(name, options, found))
    return "\n".join([*head, *parts])


def main(arguments=None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.accuracy",
        description=f"Runs the main job over seeds, appends its figures to {FILE} and writes"
        " docs/results.md. About 20 minutes on 2 cores.",
    )
    parser.add_argument("--seeds", type=int, help="fewer seeds, to try things out; writes nothing")
    parser.add_argument("--cases", help="only cases whose name contains this; writes nothing")
    options = parser.parse_args(arguments)
    run = start_run("python -m bench.accuracy", arguments, what="recipe")
    others_share, rows = OthersShare(), []
    for name, flags, seeds in CASES:
        if options.cases and options.cases not in name:
            continue
        for seed in range(options.seeds or seeds):
            rows.append(row_of(name, flags, seed, run_once(flags, seed)))
            trained = rows[-1]["evaluation"]["trained encoder"]
            shown = ", ".join(f"{MEASURES[k]} {100 * v:.2f}" for k, v in trained.items())
            print(f"{name}, seed {seed}: {shown}; {rows[-1]['process_seconds']} s", flush=True)
    run["others_share"] = round(others_share(), 4)
    if options.seeds or options.cases:
        print(render(run, rows))
        return 0
    results.append(run, rows, FILE)  # first: a quarter of an hour is in them
    PAGE.write_text(render(run, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())

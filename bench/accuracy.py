"""The results page: `python -m bench.accuracy` runs the main job and writes its page.

Every number of the page comes from metrics.json of a run of `graph-barlow-twins pretrain` with its
defaults; the page names each run's command.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from graph_barlow_twins.pretrain.evaluation.evaluate import MEASURES
from graph_barlow_twins.pretrain.evaluation.table import difference

from . import results
from .graphs import GRAPHS, save
from .machine import ROOT, OthersShare
from .ratios import align
from .reporting import describe, start_run
from .training.jobs import run_job

FILE = Path("bench/results/recipe.jsonl")
PAGE = ROOT / "docs" / "results" / "accuracy.md"
COMMAND = "graph-barlow-twins pretrain"
DATA_DIR = "../shared/data/planetoid"
FILES = "npz:"  # of a graph of `bench.graphs`, written for the run
# Name of the case, its options, number of seeds: more where a seed changes more.
CASES = (
    ("digits", "--dataset digits", 3),
    ("Cora", f"--dataset planetoid:cora --data-dir {DATA_DIR}", 5),
    (
        "Cora, a tenth of the links held out",
        f"--dataset planetoid:cora --data-dir {DATA_DIR} --hold-out-edges 0.1",
        3,
    ),
    ("chameleon", "--dataset npz:chameleon.npz", 3),
    ("actor", "--dataset npz:actor.npz", 1),
    ("tolokers", "--dataset npz:tolokers.npz", 2),
    ("wisconsin", "--dataset npz:wisconsin.npz", 3),
    ("Debian packages, four relations", "--dataset npz:debian.npz", 1),
)
TRAINED = "trained encoder"


def run_once(options: str, seed: int) -> dict:
    """metrics.json of one run, and the seconds of its whole process."""
    words = options.replace(DATA_DIR, os.environ.get("GBT_DATA_DIR", str(ROOT / DATA_DIR))).split()
    with tempfile.TemporaryDirectory() as folder:
        for place, word in enumerate(words):
            if word.startswith(FILES):
                file = Path(folder, word.removeprefix(FILES))
                save(GRAPHS[file.stem](), file)
                words[place] = f"{FILES}{file}"
        finished = run_job(["--quiet", "--seed", str(seed), *words])
    return finished.metrics | {"process_seconds": finished.seconds}


def row_of(name: str, options: str, seed: int, metrics: dict) -> dict:
    """What is kept of a run."""
    measures = {
        who: {key: measure["values"] for key, measure in found.items()}
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
        "encoder": metrics["encoder"],
        "training": metrics["training"],
        "loss": metrics["curves"]["loss"][:1] + metrics["curves"]["loss"][-1:],
        "seconds": metrics["seconds"],
        "process_seconds": round(metrics["process_seconds"], 1),
    }


def spread(values: list[float]) -> str:
    """Mean and (biased) standard deviation of shares, in percent."""
    return f"{100 * statistics.fmean(values):.2f} ± {100 * statistics.pstdev(values):.2f}"


def less(own: list[float], other: list[float]) -> str:
    """Mean of the differences, with its standard error, in points."""
    found = difference({"values": own}, {"values": other})
    if found is None or found.standard_error is None:
        return f"{100 * (statistics.fmean(own) - statistics.fmean(other)):+.2f}"
    return f"{100 * found.mean:+.2f} ± {100 * found.standard_error:.2f}"


def render_case(name: str, options: str, run: dict, rows: list[dict]) -> str:
    """Section of one graph."""
    keys = [key for key in MEASURES if key in rows[0]["evaluation"][TRAINED]]
    lines = [["", *(MEASURES[key] for key in keys)]]
    values = {
        who: {key: [v for row in rows for v in row["evaluation"][who][key]] for key in keys}
        for who in rows[0]["evaluation"]
    }
    lines += [[who, *(spread(found[key]) for key in keys)] for who, found in values.items()]
    for who, found in values.items():
        if who != TRAINED:
            compared = (less(values[TRAINED][key], found[key]) for key in keys)
            lines.append([f"trained less {who}", *compared])
    seconds = [row["process_seconds"] for row in rows]
    rank = statistics.fmean(row["rankme"] for row in rows)
    training = statistics.median(row["seconds"]["training"] for row in rows)
    losses = [row["loss"] for row in rows if row["loss"]]
    ends = [statistics.fmean(loss[end] for loss in losses) for end in (0, -1)] if losses else None
    loss = f"; loss {ends[0]:.1f} at first, {ends[1]:.1f} at last" if ends else ""
    return "\n".join(
        [
            f"## {name}",
            "",
            f"{len(rows)} seeds from 0 on of" if len(rows) > 1 else "Seed 0 of",
            "",
            f"    {COMMAND} --output DIR --seed SEED {options}",
            "",
            *align(lines),
            "",
            f"- Encoder {rows[0]['encoder']}, training {rows[0]['training']}; RankMe {rank:.0f} of"
            f" {rows[0]['dimension']}{loss}.",
            "- From command to finished report, imports included: median"
            f" {statistics.median(seconds):.0f} s ({min(seconds):.0f} to {max(seconds):.0f});"
            f" training {training:.1f} s.",
            f"- {describe(run)}",
            "",
        ]
    )


def render(sets: list[tuple[dict, list[dict]]]) -> str:
    """The whole page: of each graph the last set of rows in which it is."""
    head = [
        "# Accuracy",
        "",
        "Written by `python -m bench.accuracy`. Mean and standard deviation over training"
        " seeds and splits, in percent, with the defaults of [the recipe](../theory/recipe.md);"
        " protocols: [evaluation](../usage/evaluation.md); differences are of the same splits,"
        " with the standard error of their mean. Labels take no part in training. The defaults were"
        " chosen with these graphs in view, so their figures are somewhat optimistic. Where"
        ' "trained less untrained encoder" is 0, nothing is trained, and features and channels make'
        " the difference.",
        "",
        "`npz:` files: `python -m bench.graphs NAME NAME.npz`, from `../shared/data`, a folder of"
        " data sets beside the clone, not part of it.",
        "",
        "Published for Cora, public split, linear probe:"
        " [GraphMAE](https://arxiv.org/abs/2205.10803) 84.2,"
        " [CCA-SSG](https://arxiv.org/abs/2106.12484) 84.2.",
        "",
        "<!-- site: plot accuracy -->",
        "",
    ]
    parts = []
    for name, options, _ in CASES:
        for run, rows in reversed(sets):
            found = [row for row in rows if row["shape"] == name]
            if found:
                parts.append(render_case(name, options, run, found))
                break
    return "\n".join([*head, *parts])


def main(arguments=None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.accuracy",
        description=f"Runs the main job over seeds, appends its figures to {FILE} and writes"
        " docs/results/accuracy.md from the last figures of each graph. An hour on 2 cores.",
    )
    parser.add_argument("--seeds", type=int, help="fewer seeds, to try things out; writes nothing")
    parser.add_argument("--cases", help="only cases whose name contains this")
    options = parser.parse_args(arguments)
    run = start_run("python -m bench.accuracy", arguments, what="recipe")
    others_share, rows = OthersShare(), []
    for name, flags, seeds in CASES:
        if options.cases and options.cases not in name:
            continue
        for seed in range(options.seeds or seeds):
            rows.append(row_of(name, flags, seed, run_once(flags, seed)))
            trained = rows[-1]["evaluation"][TRAINED]
            shown = ", ".join(
                f"{MEASURES[key]} {100 * statistics.fmean(v):.2f}" for key, v in trained.items()
            )
            print(f"{name}, seed {seed}: {shown}; {rows[-1]['process_seconds']} s", flush=True)
    run["others_share"] = round(others_share(), 4)
    if options.seeds:
        print(render([(run, rows)]))
        return 0
    results.append(run, rows, FILE)  # first: a quarter of an hour is in them
    PAGE.write_text(render(results.load(FILE)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

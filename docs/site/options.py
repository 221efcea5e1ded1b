"""The options of a command as a table, from the parser that reads them."""

import argparse

from graph_barlow_twins.pretrain.cli.main import make_parser


def table(command: str) -> str:
    """Markdown: a row for each option, its help as `--help` shows it."""
    [commands] = (
        action
        for action in make_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    lines = ["| option | meaning |", "| --- | --- |"]
    for action in commands.choices[command]._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        names = " ".join(f"`{name}`" for name in action.option_strings or [action.dest.upper()])
        value = f" `{action.metavar}`" if action.option_strings and action.metavar else ""
        more = " `...`" if action.nargs in ("+", "*") else ""
        cells = (names + value + more, (action.help or "").replace("%%", "%"))
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])

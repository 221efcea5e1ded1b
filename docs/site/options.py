"""The options of a command as a table, from the parser that reads them."""

import argparse
import html

from graph_barlow_twins.pretrain.cli.commands import make_parser


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
        words = [*(action.option_strings or [action.dest.upper()])]
        words += [action.metavar] * bool(action.option_strings and action.metavar)
        words += ["..."] * (action.nargs in ("+", "*"))
        names = " ".join(f"<code>{html.escape(word)}</code>" for word in words)
        cells = (names, html.escape(action.help or "").replace("%%", "%"))
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return "\n".join([*lines, ""])

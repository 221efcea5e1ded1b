"""Runs readers on hostile files, in a process of bounded memory, and says how they took it."""

import json
import resource
import sys
import time
import traceback
import warnings

from graph_barlow_twins.pretrain.errors import InputError

from tests.fresh_process import run_python

MEGABYTE = 2**20


def attempt(read):
    """None if the reader refuses in one short line, "accepted", or what else it did."""
    try:
        read()
    except InputError as error:
        message = str(error)
        return None if len(message) <= 300 and message.isprintable() else f"message: {message!r}"
    except BaseException:
        return traceback.format_exc()[-1500:]
    return "accepted"


def report(cases):
    """Prints what became of the cases, pairs of a name and a function, as JSON."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30,) * 2)
    before = peak()
    answers: dict[str, str | None] = {}
    slowest = (0.0, "")
    for name, read in cases:
        print(name, file=sys.stderr, flush=True)  # the last one, should the process die
        start = time.process_time()
        answers[name] = attempt(read)
        slowest = max(slowest, (time.process_time() - start, name))
    faults = {name: answer for name, answer in answers.items() if answer not in (None, "accepted")}
    accepted = [name for name, answer in answers.items() if answer == "accepted"]
    found = {"count": len(answers), "accepted": accepted, "faults": faults, "slowest": slowest}
    print(json.dumps(found | {"megabytes": peak() - before}))


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // MEGABYTE


def in_child(call):
    """What `report` says in a process of its own; ``call`` is code that calls it."""
    return json.loads(run_python(call).splitlines()[-1])

"""The command line in a forked child that dies, or finds its disk full, at a chosen moment.

Imported by the fork server, so that a child has TensorFlow from the start; no op may run here.
"""

import errno
import importlib
import os
import pkgutil
import shutil
import signal
import sys
import tempfile
from pathlib import Path

# The command sets it too, too late here; and JAX, where a test imports it, sets 1.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import graph_barlow_twins.pretrain

for module in pkgutil.walk_packages(
    graph_barlow_twins.pretrain.__path__, "graph_barlow_twins.pretrain."
):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)

FULL, GONE = "full", "gone"  # instead of a signal
_CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink")
_WRITING = os.O_WRONLY | os.O_RDWR


def run_child(arguments, log, scratch, watched, at, how):
    """Ends the process with the exit code of the command.

    Args:
        arguments: of the command.
        log: its stdout goes to ``log.out``, its stderr to ``log.err``, and the number of changes of
            the disk to ``log.count``.
        scratch: folder for temporary files.
        watched: changes below this path are counted: files opened to be written, renamed, removed.
        at: the number of the change before which it happens; None: never.
        how: a signal to itself; FULL: this change and all later ones fail; GONE: `watched` is
            removed.
    """
    for number, end in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{log}.{end}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
    counted = 0

    def audit(event, args):
        nonlocal counted
        writes = event == "open" and isinstance(args[2], int) and args[2] & _WRITING
        if not (writes or event in _CHANGES) or not isinstance(args[0], str | os.PathLike):
            return
        if str(watched) in str(args[0]):
            counted += 1
            if how == FULL and at is not None and counted >= at and event in ("open", "os.mkdir"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(args[0]))
            elif how == GONE and counted == at:
                shutil.rmtree(watched)
            elif how != FULL and counted == at:
                os.kill(os.getpid(), how)

    from graph_barlow_twins.pretrain.cli.main import main

    sys.addaudithook(audit)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = main([str(word) for word in arguments])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what follows is not the command's
    sys.stdout.flush()
    Path(f"{log}.count").write_text(str(counted), encoding="utf-8")
    sys.exit(code)

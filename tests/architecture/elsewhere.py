"""The main job as on a system that lacks what Linux has; see test_systems.py.

Only the package sees the other system: what it depends on has to work on this one. With what is
open, files are as on Windows there: neither removed nor renamed.
"""

import builtins
import contextlib
import importlib
import json
import os
import pkgutil
import signal
import sys
import types
import warnings

import numpy as np

_MODULES = """crypt fcntl grp posix pty pwd readline
resource syslog termios tty"""
_OS = """O_CLOEXEC O_DIRECT O_DIRECTORY O_NOFOLLOW O_NONBLOCK chown copy_file_range fchmod fork
forkpty geteuid getgid getloadavg getpgid getuid killpg mkfifo pathconf posix_fadvise
posix_fallocate pread preadv pwrite sched_getaffinity sendfile setsid statvfs sysconf uname"""
_SIGNAL = """SIGALRM SIGCHLD SIGHUP SIGKILL SIGQUIT SIGSTOP SIGUSR1 SIGUSR2 alarm pause
pthread_sigmask setitimer siginterrupt"""
MODULES = _MODULES.split()
MISSING = {os: _OS.split(), signal: _SIGNAL.split(), sys: []}


class OtherModule(types.ModuleType):
    def __init__(self, module, platform):
        super().__init__(module.__name__)
        vars(self).clear()
        vars(self).update(_module=module, _platform=platform)

    def __getattr__(self, name):
        if name in MISSING[self._module]:
            raise AttributeError(name)
        here = getattr(self._module, name)
        return self._platform if self._module is sys and name == "platform" else here

    def __setattr__(self, name, value):
        setattr(self._module, name, value)


def importer(platform):
    others = {module: OtherModule(module, platform) for module in MISSING}
    import_here = builtins.__import__

    def import_there(name, globals=None, locals=None, fromlist=(), level=0):
        ours = ((globals or {}).get("__name__") or "").startswith("graph_barlow_twins")
        if ours and not level and name.partition(".")[0] in MODULES:
            raise ModuleNotFoundError(name)
        found = import_here(name, globals, locals, fromlist, level)
        return others.get(found, found) if ours else found

    return import_there


def refusing(function):
    """The function of `os`, which refuses what Windows does."""

    def on_windows(path, *target, **options):
        if options.get("dir_fd") is None:
            for one in map(os.path.realpath, (path, *target)):
                if any(name == one or name.startswith(one + os.sep) for name in opened()):
                    raise PermissionError(13, "it is open", one)
            if function.__name__ == "rename" and os.path.lexists(*target):
                raise FileExistsError(17, "it exists", *target)
        return function(path, *target, **options)

    return on_windows


def opened():
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the listing's own
            yield os.readlink(f"/proc/self/fd/{descriptor}")


def no_links(*names, **options):
    raise OSError(1314, "a required privilege is not held by the client")


def run(platform):
    warnings.filterwarnings("error", category=EncodingWarning, module="graph_barlow_twins")
    builtins.__import__ = importer(platform)
    if platform == "win32":
        for name in ("unlink", "remove", "rename", "replace"):
            setattr(os, name, refusing(getattr(os, name)))
        os.symlink = no_links
    names = []
    for folder in ("reference", "kernels", "tfgnn_task", "pretrain"):
        root = importlib.import_module(f"graph_barlow_twins.{folder}")
        names += [one.name for one in pkgutil.walk_packages(root.__path__, f"{root.__name__}.")]
    for name in names:
        importlib.import_module(name)
    return len(names)


def work(main):
    random = np.random.default_rng(0)
    features = random.normal(size=(60, 8)).astype("f4")
    edges = random.integers(0, 60, (2, 200))
    np.savez("graph.npz", features=features, edge_index=edges, labels=np.arange(60) % 3)
    data = ["--dataset", "npz:graph.npz"]
    for encoder in ("gcn", "linear"):  # the second run takes the place of the first
        options = ["--encoder", encoder, "--steps", "2", "--folds", "2", "--overwrite"]
        assert main(["pretrain", *data, "--output", "run", *options]) == 0
    assert main(["embed", "run", *data, "--output", "other.npz"]) == 0
    with open("run/metrics.json", encoding="utf-8") as file:
        measured = json.load(file)
    # On Windows filelock itself removes the file of a lock that it releases, not so here.
    locks = {".lock", ".other.npz.lock"} if os.symlink is no_links else set()
    names = {*os.listdir(), *os.listdir("run")} - locks
    hidden = [name for name in names if name.startswith(".")]
    return measured["peak_memory_mb"], hidden

"""A copy of the tree for each job, and a forked child in it."""

from __future__ import annotations

import ast
import gc
import hashlib
import importlib.metadata
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from .project import Project

_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "runs")
_MEMORY = 8 << 30  # of data, per child: a fault in a size must not take the machine down
_fork = multiprocessing.get_context("fork")


def preload(project: Project) -> None:
    """Imports what the children inherit.

    Raises:
        RuntimeError: if TensorFlow has started its threads: they would be missing in a child.
    """
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("pytest", *project.preload):
        importlib.import_module(name)
    if "PYTEST_DISABLE_PLUGIN_AUTOLOAD" not in os.environ:
        for plugin in importlib.metadata.entry_points(group="pytest11"):
            plugin.load()
    gc.freeze()  # spares the children to go through what they inherit, again and again
    if "tensorflow" in sys.modules:
        from tensorflow.python.eager import context

        if getattr(context.context(), "_initialized", False):
            raise RuntimeError("an import has run a TensorFlow op; children cannot be forked")


class Sandbox:
    """A copy of a project's tree.

    Args:
        project: what to copy; ``shared`` beside it is linked, since tests look for data there.
        place: its folder. Numba's machine code stays there, until a source changes.
    """

    def __init__(self, project: Project, place: Path):
        self._project = project
        self._place = place
        self.root = place / "root"
        self._numba = place / "numba"
        self._stamp = int(time.time())
        digest = hashlib.sha256()
        for file in project.sources():
            digest.update((project.root / file).read_bytes())
        unchanged = self._numba / digest.hexdigest()
        for old in place.iterdir() if place.is_dir() else ():
            if old.is_symlink():
                old.unlink()
            elif old != self._numba or not unchanged.exists():
                shutil.rmtree(old)
        shutil.copytree(project.root, self.root, ignore=_LEFT_OUT)
        for name, target in project.links.items():
            link = self.root / name
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(Path(*[".."] * (len(Path(name).parts) - 1), target))
        shared = project.root.resolve().parent / "shared"
        if shared.is_dir():
            (place / "shared").symlink_to(shared)
        unchanged.mkdir(parents=True, exist_ok=True)

    def start(self, function: Callable, *arguments, mutant=None) -> Child:
        """Forks a child that calls ``function(send, *arguments)`` inside the copy.

        Args:
            function: its messages go to `Child.connection`.
            *arguments: passed on.
            mutant: the fault to plant until the child ends.
        """
        work = Path(tempfile.mkdtemp(dir=self._place))
        numba, affected = self._numba, set()
        if mutant is not None:
            path = self.root / mutant.file
            original = path.read_bytes(), path.stat()
            faulty = mutant.apply(original[0])
            ast.parse(faulty)  # what is no Python would be noticed by any test
            path.write_bytes(faulty)
            # Python and Numba tell versions of a file apart by time and size: no two share a time.
            self._stamp += 10
            os.utime(path, (self._stamp, self._stamp))
            affected = self._compiled_with(Path(mutant.file).stem)
            if affected:
                numba = work / "numba"
                left_out = shutil.ignore_patterns(*(f"{stem}.*" for stem in affected))
                shutil.copytree(self._numba, numba, ignore=left_out)

        def clean():
            if mutant is not None:
                path.write_bytes(original[0])
                os.utime(path, ns=(original[1].st_atime_ns, original[1].st_mtime_ns))
            shutil.rmtree(work, ignore_errors=True)

        here, there = _fork.Pipe(duplex=False)
        process = _fork.Process(target=_live, args=(there, self, work, numba, function, arguments))
        process.start()
        there.close()
        return Child(process, here, clean, compiles=bool(affected))

    def _compiled_with(self, stem: str) -> set[str]:
        """The modules of which Numba keeps machine code that holds the code of the module `stem`.

        Numba looks at the file of a function alone, not at those of the functions that it calls.
        """
        sources = [self.root / file for file in self._project.sources()]
        imports = {path.stem: _imported(path) for path in sources if b"jit(" in path.read_bytes()}
        affected = {stem}
        while more := {name for name, used in imports.items() if used & affected} - affected:
            affected |= more
        return affected & imports.keys()

    def _enter(self, work, numba):
        os.setsid()  # to be killed with all that it starts
        _die_with_parent()
        log = os.open(work / "log", os.O_WRONLY | os.O_CREAT)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        own = str(self._project.root.resolve())
        sys.path[:] = [p for p in sys.path if p and os.path.realpath(p) != own]
        sys.path.insert(0, str(self.root))
        for name in list(sys.modules):
            if name.partition(".")[0] in (self._project.tests, "bench"):
                del sys.modules[name]
        importlib.invalidate_caches()
        os.chdir(self.root)
        os.environ.update(
            NUMBA_CACHE_DIR=str(numba),
            HYPOTHESIS_STORAGE_DIRECTORY=str(work / "hypothesis"),
            TMPDIR=str(work),
        )
        tempfile.tempdir = None
        if "numba" in sys.modules:
            sys.modules["numba"].config.CACHE_DIR = str(numba)
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Child:
    """A running child.

    Attributes:
        connection: where its messages arrive; it ends with the child.
        started: `time.monotonic` of the fork.
        compiles: whether it has to compile Numba functions anew.
    """

    def __init__(self, process, connection, clean, compiles):
        self._process = process
        self._clean = clean
        self.connection = connection
        self.started = time.monotonic()
        self.compiles = compiles

    def cpu_seconds(self) -> float:
        """The processor time that it has used; the time since its start where that is unknown."""
        try:
            fields = (
                Path(f"/proc/{self._process.pid}/stat")
                .read_text(encoding="utf-8")
                .rpartition(")")[2]
                .split()
            )
        except OSError:
            return time.monotonic() - self.started
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> int:
        """Kills what is left of it and restores the copy; returns the exit status."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # it is gone, or not in its session yet
            self._process.kill()
        self._process.join()
        self.connection.close()
        self._clean()
        return self._process.exitcode


def _live(connection, sandbox, work, numba, function, arguments):
    status = 1
    try:
        sandbox._enter(work, numba)
        function(connection.send, *arguments)
        status = 0
    except BaseException as error:
        connection.send(("broken", repr(error)))
    finally:
        os._exit(status)  # no handlers at exit: they belong to the parent


def _die_with_parent():
    try:
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    except (OSError, AttributeError):  # not Linux: Ctrl-C leaves a child until its tests end
        pass


def _imported(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.name.rpartition(".")[2] for alias in node.names}
            names.add((getattr(node, "module", None) or "").rpartition(".")[2])
    return names

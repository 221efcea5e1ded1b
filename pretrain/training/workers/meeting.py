"""Where the workers of a cluster meet before TensorFlow connects them.

TensorFlow takes whoever answers at an address, also a process that is about to fail with the
collectives of an earlier start. Here everybody says who he is and what he is about to train, at the
address of the chief while that is still free, and leaves together with the chief's checkpoint: so
all go on from the same step, whether they share a file system or not.

A worker sends one line of JSON, ``{"worker": index, "digest": text}``. The chief answers, once all
have come, with a line ``{"files": [[name, bytes], ...]}`` and the files, or ``{"error": text}``.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...config.cluster import Cluster, host_and_port
from ...errors import InputError, WorkersMissingError

Files = Mapping[str, bytes]
Say = Callable[[str], None]

_ONE_TRY = 5.0  # seconds, for what takes a round trip
_BETWEEN = 0.5
_LONGEST_LINE = 1 << 20


class Meeting:
    """The connections between the chief and the others: closed by the system when a process dies.

    Args:
        connections: by the number of the worker.
        files: what the chief has sent.
    """

    def __init__(self, connections: dict[int, socket.socket], files: Files):
        self._connections, self.files = connections, files

    def lost(self) -> int | None:
        """A worker whose process has ended since the meeting; None as long as nobody is missing."""
        return next((i for i, one in self._connections.items() if _has_ended(one)), None)

    def close(self) -> None:
        """Ends the meeting."""
        for one in self._connections.values():
            one.close()


def meet(cluster: Cluster, digest: str, files: Files, seconds: float, say: Say) -> Meeting:
    """Waits until all workers are there.

    Args:
        cluster: the workers.
        digest: of what is to be trained.
        files: the chief's checkpoint.
        seconds: how long to wait at most.
        say: told whom we wait for.

    Raises:
        InputError: if the port is in use, or this worker is about to train something else than the
            chief.
        WorkersMissingError: if not all have come in time.
    """
    until = time.monotonic() + seconds
    if cluster.is_chief:
        return _receive_all(cluster, digest, files, until, say)
    with _listening(cluster):  # so that a port in use is an error here, and in one line
        pass
    say(f"waiting for the chief at {cluster.addresses[0]}")
    while True:
        try:
            return _join(cluster, digest, until)
        except InputError:
            raise
        except (OSError, ValueError, TypeError, KeyError):
            pass  # nobody there yet, or one who speaks otherwise: TensorFlow, of an earlier start
        if time.monotonic() > until:
            raise _missing(cluster, [0])
        time.sleep(_BETWEEN)


def _join(cluster: Cluster, digest: str, until: float) -> Meeting:
    connection = socket.create_connection(host_and_port(cluster.addresses[0]), _ONE_TRY)
    try:
        _keep_alive(connection)
        stream = connection.makefile("rwb")
        stream.write(json.dumps({"worker": cluster.index, "digest": digest}).encode() + b"\n")
        stream.flush()
        connection.settimeout(max(_ONE_TRY, until - time.monotonic()))
        answer = json.loads(stream.readline(_LONGEST_LINE))
        if "error" in answer:
            raise _Refused(answer["error"])
        files = {str(name): stream.read(int(size)) for name, size in answer["files"]}
        if any(len(files[name]) != size for name, size in answer["files"]):
            raise OSError("the chief has left")
    except _Refused as refusal:
        connection.close()
        raise InputError(f"worker {cluster.index}: {refusal}") from None
    except BaseException:
        connection.close()
        raise
    return Meeting({0: connection}, files)


class _Refused(Exception):  # noqa: N818 - an answer, which ends the trying
    pass


@contextlib.contextmanager
def _listening(cluster: Cluster) -> Iterator[socket.socket]:
    _, port = host_and_port(cluster.addresses[cluster.index])
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        server = socket.create_server(("", port), family=family, dualstack_ipv6=both)
    except OSError as error:
        raise InputError(
            f"worker {cluster.index}: port {port} cannot be used: {error.strerror or error}"
        ) from None
    with server:
        yield server


def _receive_all(cluster, digest, files, until, say) -> Meeting:
    present: dict[int, socket.socket] = {}
    told: list[int] = []
    with _listening(cluster) as server:
        while True:
            present = {i: one for i, one in present.items() if not _has_ended(one)}
            missing = [i for i in range(1, len(cluster.addresses)) if i not in present]
            if not missing:
                break
            if time.monotonic() > until:
                _answer(present, {"error": f"{_missing(cluster, missing)}"})
                raise _missing(cluster, missing)
            if missing != told:
                say(f"waiting for {_named(cluster, missing)}")
                told = missing
            if select.select([server], [], [], _BETWEEN)[0]:
                connection, _ = server.accept()
                number = _greeted(connection, cluster, digest)
                if number is not None:
                    present[number] = connection
    header = {"files": [[name, len(content)] for name, content in files.items()]}
    _answer(present, header, b"".join(files.values()))
    return Meeting(present, files)


def _greeted(connection: socket.socket, cluster: Cluster, digest: str) -> int | None:
    """The number of the worker that has connected; None of anybody else."""
    try:
        _keep_alive(connection)
        connection.settimeout(_ONE_TRY)
        greeting = json.loads(connection.makefile("rb").readline(_LONGEST_LINE))
        number = greeting["worker"]
        if number in range(1, len(cluster.addresses)) and greeting["digest"] == digest:
            return int(number)
        refusal = (
            "its graph, its options or its workers are not those of the chief; start all with the"
            " same command"
        )
        _answer({0: connection}, {"error": refusal})
    except (OSError, ValueError, TypeError, KeyError):
        pass
    connection.close()
    return None


def _answer(connections: Mapping[int, socket.socket], header: Any, content: bytes = b"") -> None:
    for one in connections.values():
        with contextlib.suppress(OSError):  # who has left is missed by `Meeting.lost`
            one.settimeout(None)
            one.sendall(json.dumps(header).encode() + b"\n" + content)


def _has_ended(connection: socket.socket) -> bool:
    try:
        readable = select.select([connection], [], [], 0)[0]
        return bool(readable) and not connection.recv(1)
    except OSError:
        return True


def _keep_alive(connection: socket.socket) -> None:
    """Has the system look after a peer whose machine is gone without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):  # seconds, seconds, times; else what the system does
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _named(cluster: Cluster, numbers: list[int]) -> str:
    return ", ".join(f"worker {i} ({cluster.addresses[i]})" for i in numbers)


def _missing(cluster: Cluster, numbers: list[int]) -> WorkersMissingError:
    return WorkersMissingError(
        f"{_named(cluster, numbers)} did not come within --worker-timeout; start it, and the others"
        " again with --resume"
    )

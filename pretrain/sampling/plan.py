"""What to draw around each root: hop by hop, from which edge sets, how many.

The edge sets of a plan lead away from the root. Where a schema has links in one direction only,
`EdgeKinds` adds the other as an edge set of its own, "reversed_NAME".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import InputError, shown
from ..quiet import quiet_tensorflow

REVERSED = "reversed_"


@dataclasses.dataclass(frozen=True)
class EdgeKind:
    """An edge set.

    Attributes:
        source: node set that its edges start from.
        target: node set that they lead to.
        reverse_of: the edge set whose links these are, read backwards; None: its own.
    """

    source: str
    target: str
    reverse_of: str | None = None


EdgeKinds = Mapping[str, EdgeKind]


@dataclasses.dataclass(frozen=True)
class Operation:
    """Draws neighbours, as ``SamplingOp`` of TF-GNN.

    Attributes:
        name: its own.
        inputs: names of the operations, or `Plan.seed_name`, whose nodes draw: each node once.
        edge_set: along which.
        size: neighbours for each node.
    """

    name: str
    inputs: tuple[str, ...]
    edge_set: str
    size: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """The operations, in an order in which inputs come first.

    Attributes:
        node_set: of the roots.
        operations: see `Operation`.
        seed_name: what the roots are called among the inputs.
    """

    node_set: str
    operations: tuple[Operation, ...]
    seed_name: str = "seed"

    def to_dict(self) -> dict:
        """What JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping) -> Plan:
        """Reads `to_dict` back."""
        operations = tuple(
            Operation(**{**one, "inputs": tuple(one["inputs"])}) for one in content["operations"]
        )
        return cls(content["node_set"], operations, content["seed_name"])


def with_reversed(kinds: EdgeKinds) -> dict[str, EdgeKind]:
    """The edge sets, and for each that has none yet one in the other direction."""
    found = dict(sorted(kinds.items()))
    known = {one.reverse_of for one in kinds.values()}
    for name, one in sorted(kinds.items()):
        if one.reverse_of is None and name not in known and REVERSED + name not in found:
            found[REVERSED + name] = EdgeKind(one.target, one.source, name)
    return found


def plan_by_fan_out(kinds: EdgeKinds, node_set: str, fan_out: Sequence[int]) -> Plan:
    """Every hop draws along all edge sets.

    Args:
        kinds: edge sets.
        node_set: of the roots.
        fan_out: neighbours for each node and edge set, hop by hop.
    """
    reached: dict[str, list[str]] = {node_set: ["seed"]}
    operations: list[Operation] = []
    for hop, size in enumerate(fan_out, start=1):
        new: dict[str, list[str]] = {}
        for name, kind in sorted(kinds.items()):
            if kind.source in reached:
                one = Operation(f"hop-{hop}/{name}", tuple(reached[kind.source]), name, size)
                operations.append(one)
                new.setdefault(kind.target, []).append(one.name)
        reached = new
    return Plan(node_set, tuple(operations))


def plan_from_file(path: str | Path, kinds: EdgeKinds) -> Plan:
    """A plan from TF-GNN's ``SamplingSpec`` as text (sampling_spec.pbtxt).

    Raises:
        InputError: a file that is none, or that does not fit the edge sets.
    """
    from google.protobuf import text_format

    with quiet_tensorflow():
        from tensorflow_gnn.sampler import SamplingSpec

    path = Path(path).expanduser()
    try:
        spec = text_format.Parse(path.read_text("utf-8"), SamplingSpec())
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InputError(f"--sampling-spec: {path}: {reason}; expected a SamplingSpec") from None
    if not spec.HasField("seed_op"):
        raise InputError(f"--sampling-spec: {path}: expected a seed_op with a node_set_name")
    ends = {spec.seed_op.op_name: spec.seed_op.node_set_name}
    operations = []
    for one in spec.sampling_ops:
        where = f"--sampling-spec: {path}: operation {shown(one.op_name)}"
        kind = kinds.get(one.edge_set_name)
        if kind is None:
            raise InputError(
                f"{where}: no edge set {shown(one.edge_set_name)}, but {', '.join(sorted(kinds))}"
            )
        if one.sample_size < 1:
            raise InputError(f"{where}: expected a sample_size of at least 1")
        for name in one.input_op_names:
            if name not in ends:
                raise InputError(f"{where}: no operation {shown(name)} before it")
            if ends[name] != kind.source:
                raise InputError(
                    f"{where}: {shown(name)} gives nodes of {shown(ends[name])}, but"
                    f" {shown(one.edge_set_name)} starts from {shown(kind.source)}"
                )
        if one.op_name in ends:
            raise InputError(f"{where}: the name is there already")
        ends[one.op_name] = kind.target
        inputs = tuple(one.input_op_names)
        operations.append(Operation(one.op_name, inputs, one.edge_set_name, one.sample_size))
    return Plan(spec.seed_op.node_set_name, tuple(operations), spec.seed_op.op_name)

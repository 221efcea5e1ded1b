"""What is drawn: by fan-out, and by TF-GNN's sampling specs."""

import pytest
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.sampling.plan import (
    EdgeKind,
    Plan,
    plan_by_fan_out,
    plan_from_file,
    with_reversed,
)

KINDS = with_reversed({"writes": EdgeKind("author", "paper"), "cites": EdgeKind("paper", "paper")})
SPEC = """
seed_op { op_name: 'roots' node_set_name: 'paper' }
sampling_ops { op_name: 'a' input_op_names: 'roots' edge_set_name: 'cites' sample_size: 4 }
sampling_ops { op_name: 'b' input_op_names: 'roots' input_op_names: 'a' edge_set_name: 'cites'
  sample_size: 2 }
"""


def test_every_edge_set_has_its_reverse():
    assert list(KINDS) == ["cites", "writes", "reversed_cites", "reversed_writes"]
    assert KINDS["reversed_writes"] == EdgeKind("paper", "author", "writes")
    assert with_reversed(KINDS) == KINDS


def test_fan_out_goes_along_all_edge_sets():
    plan = plan_by_fan_out(KINDS, "author", (5, 3))
    assert [(one.name, one.size) for one in plan.operations] == [
        ("hop-1/writes", 5),
        ("hop-2/cites", 3),
        ("hop-2/reversed_cites", 3),
        ("hop-2/reversed_writes", 3),
    ]
    assert all(one.inputs == ("hop-1/writes",) for one in plan.operations[1:])
    assert Plan.from_dict(plan.to_dict()) == plan


def test_sampling_spec(tmp_path):
    path = tmp_path / "spec.pbtxt"
    path.write_text(SPEC)
    plan = plan_from_file(path, KINDS)
    assert (plan.node_set, plan.seed_name) == ("paper", "roots")
    assert plan.operations[1].inputs == ("roots", "a")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("'cites'", "'likes'"), "no edge set 'likes', but cites, reversed_cites"),
        (("'roots' edge", "'top' edge"), "no operation 'top' before it"),
        (("edge_set_name: 'cites'", "edge_set_name: 'writes'"), "starts from 'author'"),
        (("sample_size: 4", "sample_size: 0"), "a sample_size of at least 1"),
        (("op_name: 'b'", "op_name: 'a'"), "the name is there already"),
        (("seed_op {", "seed {"), "expected a SamplingSpec"),
    ],
)
def test_wrong_specs_are_refused(tmp_path, change, message):
    path = tmp_path / "spec.pbtxt"
    path.write_text(SPEC.replace(*change))
    with pytest.raises(InputError, match=message):
        plan_from_file(path, KINDS)

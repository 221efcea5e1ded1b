"""Subgraphs by dictionaries and loops, and what files of them hold."""

import numpy as np
import tensorflow as tf
from graph_barlow_twins.pretrain.graph.schema.files import read_schema
from graph_barlow_twins.pretrain.sampling.draws import draw, id_words, operation_key
from graph_barlow_twins.pretrain.sampling.schema import edge_kinds

from tests.schema.flights import Set, flights

MISSING = {"DT_FLOAT": np.nan, "DT_INT64": np.iinfo(np.int64).min, "DT_STRING": ""}
REVERSED = "extra { key: 'edge_type' value: 'reversed' }"


def awkward_flights():
    """With links that are there twice, or read backwards, an empty set, and other alphabets."""
    sets = flights()
    for one in sets.values():
        for key, ids in one.keys.items():
            one.keys[key] = [x.replace("AMS", "ÄMS, 阿") for x in ids]
    twice = sets["next"]
    twice.keys = {key: ids + ids[:5] for key, ids in twice.keys.items()}
    twice.features = {}
    flown = sets["flown_by"]
    sets["flies"] = Set(
        "flies", dict(flown.keys), {}, ("plane", "flight"), "flown_by.csv", REVERSED
    )
    stops = sets["stops_at"].keys
    sets["serves"] = Set("serves", dict(stops), {}, ("airport", "flight"), "", REVERSED)
    sets["alone"] = Set("alone", {"#id": ["x"]}, {"mass": ("DT_FLOAT", [], [1.5])})
    nowhere = {"#source": [], "#target": []}
    sets["leads"] = Set("leads", nowhere, {}, ("flight", "alone"))
    return sets


def subgraphs(folder, sets, plan, seed):
    """The content of the example of each root, by its id: lists, by TF-GNN's keys."""
    schema, _ = read_schema(folder)
    kinds = edge_kinds(schema)
    links = {}
    for name, kind in kinds.items():
        one = sets[kind.reverse_of or name]
        pairs = set(zip(one.keys["#source"], one.keys["#target"], strict=True))
        if bool(one.extra) != (kind.reverse_of is not None):
            pairs = {two[::-1] for two in pairs}
        links[name] = pairs
    return {
        root: _subgraph(root, sets, kinds, links, plan, seed)
        for root in sets[plan.node_set].keys["#id"]
    }


def _subgraph(root, sets, kinds, links, plan, seed):
    reached = {plan.seed_name: {root}}
    edges = {name: set() for name in kinds}
    nodes = {end: set() for one in kinds.values() for end in (one.source, one.target)}
    nodes[plan.node_set].add(root)
    for one in plan.operations:
        found = reached[one.name] = set()
        key = operation_key(seed, one.name)
        for node in set().union(*(reached[name] for name in one.inputs)):
            around = sorted(b for a, b in links[one.edge_set] if a == node)
            who, where = id_words([root]), id_words([node])
            places, is_drawn = draw(key, who, where, np.array([len(around)]), one.size)
            for place in places[is_drawn]:
                edges[one.edge_set].add((node, around[place]))
                found.add(around[place])
        nodes[kinds[one.edge_set].target] |= found
    content, order = {}, {}
    for name, ids in nodes.items():
        first = [root] if name == plan.node_set else []
        order[name] = first + sorted(ids - set(first))
        content |= _nodes(sets[name], order[name])
    for name, kind in kinds.items():
        ends = sorted(
            (order[kind.source].index(a), order[kind.target].index(b)) for a, b in edges[name]
        )
        content[f"edges/{name}.#size"] = [len(ends)]
        content[f"edges/{name}.#source"] = [a for a, _ in ends]
        content[f"edges/{name}.#target"] = [b for _, b in ends]
    return content


def _nodes(one, ids):
    rows = [one.keys["#id"].index(node) for node in ids]
    content = {f"nodes/{one.name}.#size": [len(ids)], f"nodes/{one.name}.#id": ids}
    for name, (dtype, shape, values) in one.features.items():
        key, cells = f"nodes/{one.name}.{name}", [values[row] for row in rows]
        if not shape:
            cells = [[MISSING[dtype] if cell == "" else cell] for cell in cells]
        if shape == [-1]:
            content[f"{key}.d1"] = [len(cell) for cell in cells]
        content[key] = [x for cell in cells for x in cell]
    return content


def contents_of(path):
    """The contents of a file, in order."""
    return [content_of(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]


def content_of(record):
    """Of an example."""
    found = {}
    for key, feature in tf.train.Example.FromString(record).features.feature.items():
        values = list(getattr(feature, feature.WhichOneof("kind")).value)
        found[key] = [x.decode() if isinstance(x, bytes) else x for x in values]
    return found


def assert_same(found, expected):
    """Numbers of features are float32."""
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        if any(isinstance(x, float) for x in values):
            values, mine = np.array(values, np.float32), np.array(found[key], np.float32)
            np.testing.assert_array_equal(mine, values, err_msg=key)
        else:
            assert found[key] == values, key

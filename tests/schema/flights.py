"""A small heterogeneous graph in the form of TF-GNN's schemas: flights and what they need."""

import csv
import dataclasses

import graph_barlow_twins  # noqa: F401 - Keras 2
import numpy as np
import tensorflow as tf

FLIGHTS, PLANES, AIRPORTS, CARRIERS = 40, 8, 6, 3
_DTYPES = {"DT_FLOAT": "float_list", "DT_INT64": "int64_list", "DT_STRING": "bytes_list"}


@dataclasses.dataclass
class Set:
    """Keys and features by name; a feature is (dtype, shape, values), an empty value is missing."""

    name: str
    keys: dict
    features: dict
    ends: tuple = ()
    file: str = ""
    extra: str = ""


def flights():
    """Its sets, by name."""
    rng = np.random.default_rng(0)
    ids = {
        "flight": [f"f{i}" for i in range(FLIGHTS)],
        "plane": [f"N{i:03d}" for i in range(PLANES)],
        "airport": ["AMS", "BER", "CDG", "DUB", "EWR", "FRA"],
        "carrier": ["a", "b", "c"],
    }
    tags = [["hub", "sea"], ["city"], ["hub"], ["sea", "city"], [], ["hub", "city"]]
    nodes = [
        Set(
            "flight",
            {"#id": ids["flight"]},
            {
                "minutes": ("DT_FLOAT", [], [round(x, 3) for x in rng.normal(90, 20, FLIGHTS)]),
                "remark": ("DT_STRING", [], [f"gate {i} closes at noon" for i in range(FLIGHTS)]),
                "number": ("DT_STRING", [], [f"XY{i}" for i in range(FLIGHTS)]),
                "weekday": ("DT_INT64", [], [int(x) for x in rng.integers(1, 8, FLIGHTS)]),
                "label": (
                    "DT_STRING",
                    [],
                    [("late", "", "on time")[i % 3] for i in range(FLIGHTS)],
                ),
            },
        ),
        Set(
            "plane",
            {"#id": ids["plane"]},
            {
                "model": (
                    "DT_STRING",
                    [],
                    ["A320", "B737", "A320", "", "A320", "B737"] + ["E190"] * 2,
                ),
                "seats": ("DT_INT64", [], [150, 160, 150, 100, 150, 160, 100, 100]),
            },
        ),
        Set(
            "airport",
            {"#id": ids["airport"]},
            {
                "place": ("DT_FLOAT", [2], [[float(i), i / 4] for i in range(AIRPORTS)]),
                "tags": ("DT_STRING", [-1], tags),
                "gates": ("DT_INT64", [-1], [[1, 2], [12], [], [2, 2, 1], [12], [1]]),
                "open": ("DT_INT64", [3], [[i % 2, 1, i // 3] for i in range(AIRPORTS)]),
            },
        ),
        Set("carrier", {"#id": ids["carrier"]}, {}),
    ]

    def links(name, source, target, pairs, **more):
        keys = {"#source": [ids[source][a] for a, _ in pairs]}
        keys["#target"] = [ids[target][b] for _, b in pairs]
        return Set(name, keys, more.pop("features", {}), (source, target), **more)

    of_flight = rng.integers(0, PLANES, FLIGHTS)
    stops = [(i, int(x)) for i in range(FLIGHTS) for x in rng.permutation(AIRPORTS)[:2]]
    follows = [(i, i + 1) for i in range(0, FLIGHTS - 1, 2)]
    edges = [
        links("flown_by", "flight", "plane", [(i, int(x)) for i, x in enumerate(of_flight)]),
        links("stops_at", "flight", "airport", stops),
        links(
            "next", "flight", "flight", follows,
            features={"weight": ("DT_FLOAT", [], [1.0 + i % 2 for i in range(len(follows))])},
        ),
        links("operates", "carrier", "flight", [(i % CARRIERS, i) for i in range(FLIGHTS)]),
        links("owns", "carrier", "plane", [(i % CARRIERS, i) for i in range(PLANES)]),
    ]  # fmt: skip
    return {one.name: one for one in (*nodes, *edges)}


def write(folder, sets, suffix=".csv", shards=1):
    """Writes schema and tables."""
    folder.mkdir(parents=True, exist_ok=True)
    text = ""
    for one in sets.values():
        file = one.file or f"{one.name}{suffix}" + (f"@{shards}" if shards > 1 else "")
        text += f"{'edge' if one.ends else 'node'}_sets {{ key: '{one.name}' value {{\n"
        for name, (dtype, shape, _) in one.features.items():
            dims = "".join(f"dim {{ size: {size} }} " for size in shape)
            text += f" features {{ key: '{name}' value {{ dtype: {dtype} shape {{ {dims}}} }} }}\n"
        if one.ends:
            text += f" source: '{one.ends[0]}' target: '{one.ends[1]}'\n"
        text += f" metadata {{ filename: '{file}' {one.extra} }} }} }}\n"
        if not one.file:
            _write_table(folder, one, suffix, shards)
    (folder / "graph_schema.pbtxt").write_text(text)
    return folder


def _write_table(folder, one, suffix, shards):
    count = len(next(iter(one.keys.values())))
    for shard in range(shards):
        rows = range(shard * count // shards, (shard + 1) * count // shards)
        end = f"-{shard:05d}-of-{shards:05d}" if shards > 1 else ""
        path = folder / f"{one.name}{suffix}{end}"
        (_write_csv if suffix == ".csv" else _write_records)(path, one, rows)


def _write_csv(path, one, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*(key.removeprefix("#") for key in one.keys), *one.features])
        for row in rows:
            cells = [values[row] for _, _, values in one.features.values()]
            cells = [" ".join(map(str, x)) if isinstance(x, list) else x for x in cells]
            writer.writerow([*(values[row] for values in one.keys.values()), *cells])


def _write_records(path, one, rows):
    columns = {key: ("DT_STRING", [], values) for key, values in one.keys.items()} | one.features
    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in rows:
            message = tf.train.Example()
            for name, (dtype, _, values) in columns.items():
                cell = values[row] if isinstance(values[row], list) else [values[row]]
                cell = [x.encode() if isinstance(x, str) else x for x in cell if x != ""]
                getattr(message.features.feature[name], _DTYPES[dtype]).value.extend(cell)
            writer.write(message.SerializeToString())

"""Small encoders of every kind, written so that they can be changed."""

import json
import time

import numpy as np
import pytest
from graph_barlow_twins.pretrain.encoder.channels.weights import Channel, ChannelWeights
from graph_barlow_twins.pretrain.encoder.weights import ENCODER_WEIGHTS
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.output.encoder_files import read_encoder, save_encoder

SHAPES = {
    "gcn": [(5, 4), (4,), (4,), (4,), (4, 3), (3,)],
    "linear": [(5, 3), (5,), (2,), (3,)],
    "channels": 2 * [(5,), (1,), (2,), (5, 3), (3,), (3,), (1,)] + [(6,), (6, 2)],
    "wide": [(5,), (5,), (27, 3), (3,)],
}
CHANNELS = [Channel("own"), Channel("hop", ("links>",))]
KINDS = tuple(SHAPES)


def weights_of(kind, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for shape in SHAPES[kind]]


def made(kind, arrays):
    of_kind = ENCODER_WEIGHTS[kind]
    return of_kind.from_list(arrays, *([CHANNELS] if of_kind is ChannelWeights else []))


def save(kind, arrays, folder):
    """As `save_encoder`, whether or not the arrays fit together."""
    save_encoder(made(kind, weights_of(kind)), folder)
    named = dict(zip(ENCODER_WEIGHTS[kind].names(len(arrays)), arrays, strict=True))
    np.savez(folder / "encoder.npz", **named)
    change_description(folder, weights={name: one.shape for name, one in named.items()})


def change_description(folder, **changes):
    path = folder / "encoder.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def assert_refused(folder, message="encoder"):
    start = time.process_time()
    with pytest.raises(InputError, match=message) as told:
        read_encoder(folder)
    assert time.process_time() - start < 2
    assert len(str(told.value)) <= 300
    assert str(told.value).isprintable()

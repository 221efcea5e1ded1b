"""Parts of a small graph, whole or with a fault, and the check that a fault is refused."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.errors import InputError


def small_parts(**changes):
    """Five nodes, four features; `changes` replace parts, None removes one."""
    parts = {
        "features": np.arange(20, dtype=np.float32).reshape(5, 4),
        "edge_index": np.array([[0, 1, 1, 3, 2], [1, 0, 2, 3, 4]]),
        "labels": np.array([10, 20, 10, -1, 20]),
        "train_mask": np.array([1, 1, 0, 0, 0], bool),
        "val_mask": np.array([0, 0, 1, 0, 0], bool),
        "test_mask": np.array([0, 0, 0, 1, 1], bool),
        "node_ids": np.array([7, 5, 3, 1, 0]),
    } | changes
    return {key: value for key, value in parts.items() if value is not None}


def with_value(value, row, column):
    features = np.ones((5, 4))
    features[row, column] = value
    return features


def refused(message, function, *args, **kwargs):
    """The call ends in an InputError of one line that matches ``message``."""
    with pytest.raises(InputError, match=message) as caught:
        function(*args, **kwargs)
    assert "\n" not in str(caught.value)

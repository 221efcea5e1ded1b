"""What was measured and chosen, in words."""

import pytest
from graph_barlow_twins.pretrain.report.channels import channel_lines

MEASURED = {"likeness": 0.006, "own_reliability": 0.188, "hop_reliability": 0.611}


@pytest.mark.parametrize(
    ("own", "hop", "words"),
    [
        (0.2, 0.1, "left out"),
        (0.2, 0.25, "a part of their weight"),
        (0.2, 0.4, "neighbours tell more than the node itself"),
    ],
)
def test_a_sentence_for_what_was_measured(own, hop, words):
    measured = MEASURED | {"own_reliability": own, "hop_reliability": hop}
    likeness, reliability, encoder = channel_lines({"measured": measured, "encoder": "linear"})
    assert "0.006" in likeness
    assert words in reliability
    assert encoder.startswith("encoder: neighbours are alike")


def test_dense_features_have_no_reliability_of_their_own():
    measured = MEASURED | {"own_reliability": None}
    _, reliability, _ = channel_lines({"measured": measured, "encoder": "channels"})
    assert "0.611: neighbours tell more than the node itself" in reliability


def test_channels_with_a_weight():
    options = {"encoder": "channels", "channels": {"own": 1.5, "hop": 0.94, "smooth": 0.0}}
    assert channel_lines(options)[-1] == "channels: own 1.5, hop 0.94"
    assert channel_lines({}) == []

"""Encoders of channels from strangers: what a channel looks at is checked like the rest."""

import pytest
from graph_barlow_twins.pretrain.encoder.channels.weights import Channel

from tests.cli.embedding import embed, save_graph
from tests.hostile.models import CHANNELS, assert_refused, change_description, save, weights_of


@pytest.mark.parametrize(
    "channels",
    [
        None,
        {},
        [],
        [{"name": "own"}],
        [CHANNELS[0].to_dict()],
        [CHANNELS[0].to_dict() | {"steps": ["links"]}] * 2,
        [CHANNELS[0].to_dict() | {"steps": ["links>"] * 3}] * 2,
        [CHANNELS[0].to_dict() | {"steps": [3]}] * 2,
        [CHANNELS[0].to_dict() | {"loops": 1}] * 2,
        [CHANNELS[0].to_dict() | {"name": None}] * 2,
        [CHANNELS[0].to_dict() | {"others_only": True, "steps": ["links>", "links>"]}] * 2,
    ],
)
def test_channels_that_are_none(tmp_path, channels):
    save("channels", weights_of("channels"), tmp_path)
    change_description(tmp_path, channels=channels)
    assert_refused(tmp_path, "encoder.json")


def test_a_relation_that_the_graph_does_not_have(tmp_path, capsys):
    dataset, output = save_graph(tmp_path / "g.npz"), tmp_path / "out.npz"
    folder = tmp_path / "model"
    folder.mkdir()
    save("channels", weights_of("channels"), folder)
    change_description(folder, channels=[Channel("cites>", ("cites>",)).to_dict()] * 2)
    assert embed(folder, dataset, output) == 2
    assert "expected a relation 'cites', but it has none" in capsys.readouterr().err

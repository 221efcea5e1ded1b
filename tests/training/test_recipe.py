"""What a recipe decides where the configuration leaves it open."""

import json

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.graph.data import feature_density, make_graph_data
from graph_barlow_twins.pretrain.training.recipe import make_recipe

from tests.graph.relational import packages


def graph(density, nodes=60, features=40):
    matrix = scipy.sparse.random(nodes, features, density, "csr", np.float32, random_state=3)
    return make_graph_data(
        name="g",
        features=matrix if density < 0.5 else matrix.toarray(),
        edge_index=np.stack([np.arange(nodes - 1), np.arange(1, nodes)]),
    )


def neighbours_of_one_another(count=1200, words=False):
    """Links between those whose features, or their groups', are alike."""
    rng = np.random.default_rng(0)
    group = np.arange(count) % 6
    features = rng.normal(size=(6, 40))[group] + 0.3 * rng.normal(size=(count, 40))
    if words:
        features = scipy.sparse.csr_matrix((features > 1.2).astype(np.float32))
    others = (np.arange(count)[:, None] + 6 * np.arange(1, 7)) % count
    edges = np.stack([np.repeat(np.arange(count), 6), others.ravel()])
    return make_graph_data(name="g", features=features, edge_index=edges)


WORDS, DENSE, FEW = graph(0.04), graph(1.0), graph(1.0, features=5)
ONE_HOT = graph(0.2, features=5)
ALIKE, FEW_ALIKE = neighbours_of_one_another(), neighbours_of_one_another(120)
ALIKE_WORDS = neighbours_of_one_another(120, words=True)


def chosen(data, width=None, **options):
    return make_recipe(PretrainConfig(output="-", **options), data, width)


@pytest.mark.parametrize(
    ("data", "options", "expected"),
    [
        (WORDS, {}, ("channels", (60,), None, 8)),  # links that say nothing
        (WORDS, {"training": "adam"}, ("linear", (40,), 60, 8)),
        (WORDS, {"units": (8,)}, ("channels", (8,), None, 8)),
        (WORDS, {"units": (8,), "learning_rate": 0.1}, ("linear", (8,), 60, 8)),
        (WORDS, {"training": "closed-form", "hops": 3}, ("linear", (40,), None, 3)),
        (WORDS, {"drop_edges": (0.1, 0.1)}, ("linear", (40,), 60, 8)),
        (WORDS, {"units": (8, 4)}, ("gcn", (8, 4), 200, None)),
        (WORDS, {"encoder": "gcn"}, ("gcn", (512, 256), 200, None)),
        (WORDS, {"fan_out": (4, 3)}, ("gcn", (512, 256), None, None)),
        (DENSE, {}, ("channels", (60,), None, 8)),
        (DENSE, {"training": "adam"}, ("linear", (40,), 60, 8)),
        (ALIKE, {}, ("gcn", (512, 256), 200, None)),
        (ALIKE, {"steps": 7}, ("gcn", (512, 256), 7, None)),
        (FEW_ALIKE, {}, ("channels", (120,), None, 8)),
        (FEW_ALIKE, {"steps": 7}, ("linear", (40,), 7, 8)),
        (ALIKE_WORDS, {}, ("linear", (40,), 60, 8)),
        (DENSE, {"training": "none"}, ("channels", (60,), None, 8)),
        (
            DENSE,
            {"training": "closed-form", "mask_features": (0.1, 0.1)},
            ("linear", (40,), None, 8),
        ),
        (FEW, {}, ("wide", (512,), None, None)),
        (ONE_HOT, {}, ("wide", (512,), None, None)),
        (FEW, {"steps": 7}, ("linear", (5,), 7, 8)),
        (FEW, {"channels": ("own=1",)}, ("channels", (60,), None, 8)),
        (DENSE, {"hops": 0}, ("linear", (40,), 60, 0)),
        (DENSE, {"encoder": "linear", "steps": 7}, ("linear", (40,), 7, 8)),
        (DENSE, {"width": 5}, ("channels", (5,), None, 8)),
        (DENSE, {"width": 5, "encoder": "gcn"}, ("gcn", (512, 5), 200, None)),
        (WORDS, {"width": 50, "training": "adam"}, ("linear", (50,), 60, 8)),
        (WORDS, {"width": 50, "units": (9,), "steps": 60}, ("linear", (9,), 60, 8)),
    ],
)
def test_encoder_widths_and_steps(data, options, expected):
    recipe = chosen(data, **options)
    assert (recipe.encoder, recipe.units, recipe.steps, recipe.hops) == expected


def test_rates_and_weight_of_the_loss():
    assert chosen(WORDS).drop_edges == (0.7, 0.7)
    assert chosen(WORDS, fan_out=(2, 2)).drop_edges == (0.3, 0.3)
    assert chosen(WORDS, drop_edges=(0.1, 0.0)).drop_edges == (0.1, 0.0)
    assert feature_density(WORDS) == 0.04
    assert chosen(WORDS).mask_features == (0.188, 0.188)
    assert chosen(DENSE).mask_features == (0.0, 0.0)
    assert chosen(ALIKE, steps=5).lambda_ == 1 / 256
    assert chosen(DENSE, steps=5).lambda_ == 1 / 40
    assert chosen(DENSE).drop_channels == (0.5, 0.5)
    assert chosen(packages()).drop_channels == (0.8, 0.8)
    assert chosen(packages(), drop_channels=(0.1, 0.2)).drop_channels == (0.1, 0.2)
    assert chosen(DENSE, projector_units=(32, 16)).lambda_ == 1 / 16
    assert chosen(DENSE, lambda_=0.0).lambda_ == 0.0


def test_sampling_has_batches_and_epochs_and_the_full_graph_has_none():
    sampled, full = chosen(DENSE, fan_out=(4, 3)), chosen(DENSE)
    assert (sampled.batch_size, sampled.epochs) == (1024, 1)
    assert (full.batch_size, full.epochs) == (None, None)
    assert chosen(DENSE, fan_out=(4, 3), epochs=5, batch_size=7).epochs == 5


def test_encoders_of_subgraphs_have_defaults_of_their_own():
    found = chosen(DENSE, encoder="mt_albis")
    assert (found.units, found.hops, found.fan_out) == ((128,), 2, (8, 4))
    assert (found.batch_size, found.epochs, found.steps) == (512, 1, None)
    assert (found.drop_edges, found.drop_entries) == ((0.3, 0.3), (0.3, 0.3))
    assert found.lambda_ == 10 / 384  # the state at the start and after two rounds
    other = chosen(DENSE, encoder="hgt", fan_out=(5, 4, 3), units=(64,))
    assert (other.hops, other.lambda_) == (3, 1 / 256)
    assert chosen(DENSE, encoder="hgt", hops=1).lambda_ == 1 / 256
    assert chosen(DENSE, encoder="mt_albis", projector_units=(32,)).lambda_ == 10 / 32
    assert chosen(DENSE, encoder="hgt", sampling_spec="s").fan_out == ()


def test_the_dictionary_is_that_of_the_configuration_with_its_gaps_filled():
    config = PretrainConfig(output="-", seed=4, patience=7, schedule="cosine", drop_entries=0.1)
    found = make_recipe(config, DENSE).to_dict()
    given = config.to_dict()
    assert set(given) - set(found) == {
        *("output", "dataset", "data_dir", "knn", "folds", "hold_out_edges"),
        *("schema", "sampling_spec"),
        *("nodes", "edges", "id_column", "label_column", "split_number", "target", "label"),
        *("evaluation", "overwrite", "resume", "quiet"),
        *("workers", "worker_index", "worker_timeout"),
    }
    assert set(found) - set(given) == {"measured"}
    for name, value in found.items():
        assert given.get(name) in (None, [], value) or name == "scale_features", name
    assert found["drop_entries"] == [0.1, 0.1]
    assert json.loads(json.dumps(found)) == found


def test_density_of_many_rows_is_that_of_a_sample():
    features = np.zeros((30_000, 2), np.float32)
    features[np.random.default_rng(0).random(30_000) < 1 / 3] = 1
    data = make_graph_data(name="g", features=features, edge_index=[[0], [1]])
    assert feature_density(data) == pytest.approx(1 / 3, abs=0.02)


def test_what_the_gates_say_is_kept():
    recipe = chosen(WORDS)
    assert recipe.channels == recipe.measured.weights()
    assert recipe.to_dict()["measured"].keys() == vars(recipe.measured).keys()
    given = chosen(WORDS, channels=("own=2", "hop=0.5"))
    assert given.channels == {"own": 2.0, "hop": 0.5}
    assert chosen(WORDS, training="adam").measured is None


def test_of_a_few_dense_nodes_at_most_half_is_smoothed():
    recipe = chosen(FEW_ALIKE)
    assert recipe.measured.smoothing == 1
    assert recipe.channels == {"own": 0.75, "hop": 0, "two-hops": 0, "smooth": 0.5}


def test_relations_are_channels():
    recipe = chosen(packages())
    assert (recipe.encoder, recipe.training, recipe.measured) == ("channels", "closed-form", None)
    assert recipe.channels["cites><"] == 1.0
    assert chosen(packages(), training="adam").encoder == "linear"


@pytest.mark.parametrize(
    ("asked", "expected"), [((400, 2), (2, 2)), ((1, 1), (1, 1)), (("all", 1), (2, 1))]
)
def test_no_more_neighbours_are_drawn_than_there_are(asked, expected):
    assert chosen(DENSE, fan_out=asked).fan_out == expected  # a path: two neighbours at most

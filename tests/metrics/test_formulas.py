"""The metrics against reference/ (a float64 SVD) and, those of one matrix, against upstream's."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import graph_barlow_twins.tfgnn_task as tfgnn_task
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_gnn.models.contrastive_losses import metrics as upstream

from tests.metrics.measures import MODES, OF_SPECTRUM, measures, measuring, without_host
from tests.tolerances import metric_tolerance

NAMES = (*OF_SPECTRUM, "self_clustering")
UPSTREAM_NAMES = tuple(name for name in NAMES if name != "rankme_cap")
SVD_NAMES = ("numerical_rank", "rankme", "coherence")
DTYPES = ("float16", "bfloat16", "float32", "float64")
SHAPES = ((1, 1), (1, 5), (5, 1), (2, 2), (3, 7), (7, 3), (63, 33), (33, 63))
# Half types and plain ops are the same program with other casts.
CASES = [(mode, dtype) for mode in MODES for dtype in ("float32", "float64")]
CASES += [("graph", "float16"), ("graph", "bfloat16")]


def make_matrix(shape, dtype="float32", seed=0):
    """A matrix of full rank, its condition number in the tens, rounded to the dtype."""
    rng = np.random.default_rng([seed, *shape])
    scale = np.linspace(1.0, 3.0, shape[1])
    return tf.cast(rng.normal(size=shape) * scale + 0.5, dtype)


DEFICIENT = {
    "zeros": np.zeros((6, 4)),
    "wide zeros": np.zeros((4, 6)),
    "one zero": np.zeros((1, 1)),
    "ones": np.ones((20, 2)),
    "wide ones": np.ones((2, 20)),
    "rank one": np.outer(np.arange(1.0, 8), [1.0, -2.0, 4.0]),
    "rank two": np.arange(40.0).reshape(8, 5),
    "wide, rank two": np.arange(40.0).reshape(5, 8),
    "a column twice": np.eye(6)[:, [0, 1, 1]] * 3,
    "a zero row": np.r_[np.zeros((1, 3)), np.eye(3), np.ones((2, 3))],
    "one row": np.array([[3.0, 0.0, -4.0]]),
    "one column": np.arange(1.0, 6)[:, np.newaxis],
    "one row of zeros": np.zeros((1, 3)),
    "one row not of zeros": np.eye(4)[:, :3] * np.array([[1.0], [0.0], [0.0], [0.0]]),
}


def assert_like_reference(matrix, mode="eager", names=(*NAMES, "centred")):
    """All metrics of one matrix."""
    found = measuring(mode, matrix.dtype.name)(matrix, matrix[::-1])
    exact = tf.cast(matrix, tf.float64).numpy()
    expected = measures(reference, exact, exact[::-1])
    for name in names:
        assert found[name].dtype == (tf.float64 if matrix.dtype == tf.float64 else tf.float32)
        assert found[name].shape == ()
        np.testing.assert_allclose(
            float(found[name]), expected[name], metric_tolerance(matrix.dtype.name), 1e-7, name
        )


@pytest.mark.parametrize(("mode", "dtype"), CASES)
def test_like_reference(mode, dtype):
    for shape in SHAPES:
        assert_like_reference(make_matrix(shape, dtype), mode)


@pytest.mark.parametrize(("mode", "dtype"), CASES[:6])
def test_deficient_matrices_like_reference(mode, dtype):
    for matrix in list(DEFICIENT.values())[:: 3 if mode == "eager" else 1]:
        # A row that equals the mean is rounding error when centred: its direction is chance.
        assert_like_reference(tf.cast(matrix, dtype), mode, NAMES)


@pytest.mark.slow  # a second or more to compile each
@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_compiled_like_reference(dtype):
    matrices = [make_matrix(shape, dtype) for shape in ((7, 3), (3, 7), (33, 21))]
    matrices += [tf.cast(DEFICIENT[case], dtype) for case in ("zeros", "rank two")]
    for matrix in matrices:
        call = tf.function(
            lambda x: [getattr(tfgnn_task, n)(x) for n in NAMES], jit_compile=True, autograph=False
        )
        expected = [getattr(reference, n)(tf.cast(matrix, tf.float64).numpy()) for n in NAMES]
        np.testing.assert_allclose(call(matrix), expected, rtol=metric_tolerance(dtype), atol=1e-7)


def test_rank_one_short_of_full():
    """The last eigenvalue is rounding error, of either sign; it counts as zero."""
    for seed in range(10):
        matrix = np.random.default_rng(seed).integers(-9, 10, (30, 7)).astype(np.float32)
        matrix[:, -1] = matrix[:, :-1].sum(axis=1)
        for value in (tf.constant(matrix), tf.constant(matrix.T), tf.constant(matrix, tf.float64)):
            assert_like_reference(value, "graph", OF_SPECTRUM)


def test_half_types_do_not_overflow():
    """Squares of entries of 60,000 are beyond float16."""
    matrix = tf.constant([[6e4, 1e4], [1e4, 6e4], [0.0, 6e4]], tf.float16)
    assert_like_reference(matrix, names=("rankme", "numerical_rank"))


def test_static_shapes_leave_no_branch():
    """What a static shape decides is decided while the graph is traced."""
    for shape, wide in (((7, 3), False), ((3, 7), True)):
        with without_host():
            call = tf.function(tfgnn_task.self_clustering, autograph=False)
            graph = call.get_concrete_function(tf.TensorSpec(shape)).graph
        assert not [op for op in graph.get_operations() if op.type in ("If", "StatelessIf")]
        matrix = make_matrix(shape)
        expected = reference.self_clustering(matrix.numpy())
        np.testing.assert_allclose(call(matrix), expected, rtol=1e-6, err_msg=f"{wide=}")


# Upstream


@pytest.mark.parametrize("shape", [(3, 7), (2, 2), (63, 33), (256, 16)])
def test_like_upstream(shape):
    """Float32 on both sides; upstream's SVD in float32 is the less exact of the two."""
    matrix = make_matrix(shape, seed=1)
    for name in UPSTREAM_NAMES:
        ours, theirs = (float(getattr(m, name)(matrix)) for m in (tfgnn_task, upstream))
        np.testing.assert_allclose(ours, theirs, metric_tolerance("upstream"), 1e-6, name)


@pytest.mark.parametrize("name", [name for name in UPSTREAM_NAMES if name != "self_clustering"])
def test_decomposition_given_as_upstream(name):
    """``sigma`` and ``u`` are used where given: here those of twice the matrix, rows reversed."""
    matrix = make_matrix((12, 5))
    sigma, u, _ = tf.linalg.svd(2 * matrix[::-1])
    ours, theirs = (
        float(getattr(m, name)(matrix, sigma=sigma / 2, u=u)) for m in (tfgnn_task, upstream)
    )
    np.testing.assert_allclose(ours, theirs, rtol=metric_tolerance("upstream"))


def test_decomposition_given_is_not_computed_again():
    matrix, other = make_matrix((12, 5)), make_matrix((12, 5), seed=1)
    sigma, u, _ = tf.linalg.svd(other)
    for name in ("rankme", "pseudo_condition_number", "coherence"):
        value = float(getattr(tfgnn_task, name)(matrix, sigma=sigma, u=u))
        expected = getattr(reference, name)(other.numpy())
        np.testing.assert_allclose(value, expected, rtol=metric_tolerance("upstream"))
    # As upstream, the sum of the squares is the matrix' own.
    value = tfgnn_task.numerical_rank(matrix, sigma=sigma)
    expected = np.sum(matrix.numpy() ** 2) / float(sigma[0]) ** 2
    np.testing.assert_allclose(value, expected, rtol=metric_tolerance("upstream"))


def test_rankme_epsilon_like_upstream():
    matrix = make_matrix((12, 5))
    for epsilon in (1e-12, 1e-3):
        ours, theirs = (float(m.rankme(matrix, epsilon=epsilon)) for m in (tfgnn_task, upstream))
        np.testing.assert_allclose(ours, theirs, rtol=metric_tolerance("upstream"))


def test_subtract_mean_like_upstream():
    matrix = make_matrix((12, 5))
    ours, theirs = (
        float(m.self_clustering(matrix, subtract_mean=True)) for m in (tfgnn_task, upstream)
    )
    np.testing.assert_allclose(ours, theirs, rtol=metric_tolerance("upstream"))


@pytest.mark.parametrize("shape", [(3,), (1, 1, 1)])
@pytest.mark.parametrize("name", NAMES)
def test_rank_errors_like_upstream(name, shape):
    for module in (tfgnn_task, upstream) if name in UPSTREAM_NAMES else (tfgnn_task,):
        with pytest.raises(ValueError, match=r"Expected 2D tensor \(got shape "):
            getattr(module, name)(tf.ones(shape))
    with pytest.raises(ValueError, match=r"Expected 2D tensor \(got shape "):
        getattr(reference, name)(np.ones(shape))


def test_reference_centres_large_numbers_exactly():
    """A mean of numbers just below 2^52 is rounded to an integer unless one is taken off first."""
    rows = np.array([[0.0, 3, 1], [2, 0, 1], [1, 1, 0], [3, 2, 1], [0, 1, 4]])
    expected = reference.self_clustering(rows, subtract_mean=True)
    found = reference.self_clustering(2.0**52 - rows, subtract_mean=True)
    assert found == pytest.approx(expected, rel=1e-12)


# AllSvdMetrics. Means, weights and values that are not finite: test_keras.


@pytest.mark.parametrize(
    "mode", ["graph", *(pytest.param(mode, marks=pytest.mark.slow) for mode in MODES[::2])]
)
def test_all_svd_metrics_like_upstream(mode):
    ours, theirs = tfgnn_task.AllSvdMetrics(), upstream.AllSvdMetrics()

    def update(batch):
        ours.update_state(None, batch)

    if mode != "eager":
        update = tf.function(
            update, input_signature=[tf.TensorSpec([None, None], tf.float32)], autograph=False
        )
    if mode == "plain ops":
        with without_host():
            update.get_concrete_function()
    batches = [make_matrix(shape, seed=5) for shape in ((20, 6), (6, 20), (9, 9))]
    for number, batch in enumerate(batches):
        update(batch)
        theirs.update_state(None, batch)
        assert list(theirs.result()) == list(SVD_NAMES)
        assert list(ours.result()) == [*SVD_NAMES, "rankme_cap"]
        for name, value in ours.result().items():
            mean = np.mean([getattr(reference, name)(b.numpy()) for b in batches[: number + 1]])
            np.testing.assert_allclose(float(value), mean, rtol=metric_tolerance("float32"))
            expected = theirs.result().get(name, mean)
            np.testing.assert_allclose(value, expected, rtol=metric_tolerance("upstream"))


@pytest.mark.parametrize("module", [tfgnn_task, upstream])
def test_transformed_predictions(module):
    stacked = tf.stack([make_matrix((8, 3)), make_matrix((8, 3), seed=1)], axis=1)
    metric = module.AllSvdMetrics(y_pred_transform_fn=lambda y: y[:, 1], name="second")
    metric.update_state(None, stacked)
    assert metric.name == "second"
    expected = reference.rankme(stacked[:, 1].numpy())
    np.testing.assert_allclose(metric.result()["rankme"], expected, rtol=1e-5)


def test_default_name_like_upstream():
    assert tfgnn_task.AllSvdMetrics().name == upstream.AllSvdMetrics().name == "svd_metrics"


def test_all_svd_metrics_take_any_float_and_deficient_matrices():
    matrices = [make_matrix((20, 6), dtype) for dtype in DTYPES]
    matrices += [tf.cast(DEFICIENT[case], tf.float32) for case in ("zeros", "one row", "rank one")]
    for matrix in matrices:
        metric = tfgnn_task.AllSvdMetrics()
        metric.update_state(None, matrix)
        for name, value in metric.result().items():
            expected = getattr(reference, name)(tf.cast(matrix, tf.float64).numpy())
            np.testing.assert_allclose(value, expected, rtol=metric_tolerance("float32"))


def test_all_svd_metrics_rank_error():
    with pytest.raises(ValueError, match=r"Expected 2D tensor \(got shape "):
        tfgnn_task.AllSvdMetrics().update_state(None, tf.ones([2, 2, 2]))


def test_config_round_trip_with_a_transform():
    (metric,) = tfgnn_task.BarlowTwinsTask("node").metrics()
    again = type(metric).from_config(metric.get_config())
    views = tf.random.stateless_normal([9, 2, 3], seed=[1, 2])
    for one in (metric, again):
        one.update_state(None, views)
    assert again.result() == metric.result()
    unregistered = tfgnn_task.AllSvdMetrics(y_pred_transform_fn=lambda y_pred: y_pred)
    with pytest.raises(NotImplementedError, match="register_keras_serializable"):
        unregistered.get_config()

"""All metrics of two views at once, in every mode; traced once for all shapes."""

from functools import cache
from unittest import mock

import graph_barlow_twins.tfgnn_task as tfgnn_task  # before TensorFlow: it selects Keras 2
import tensorflow as tf
from graph_barlow_twins.kernels.metrics import formulas

OF_SPECTRUM = ("rankme", "rankme_cap", "numerical_rank", "pseudo_condition_number", "coherence")
ONE = (*OF_SPECTRUM, "self_clustering", "uniformity")
TWO = ("alignment", "cross_correlation_metrics")
MODES = ("eager", "graph", "plain ops")


def measures(module, a, b, w=None):
    """All metrics by name, of `reference` or of `tfgnn_task`."""
    found = {name: getattr(module, name)(a, sample_weight=w) for name in ONE}
    found["centred"] = module.self_clustering(a, subtract_mean=True, sample_weight=w)
    found["alignment"] = module.alignment(a, b, sample_weight=w)
    return found | module.cross_correlation_metrics(a, b, sample_weight=w)


def without_host():
    """While it lasts, what is traced cannot call the host, as on a GPU."""
    return mock.patch.object(formulas, "can_call_host", return_value=False)


@cache
def measuring(mode, dtype="float64", weighted=False, shape=(None, None)):
    """`measures` of tensors ``(a, b)`` or ``(a, b, w)``."""
    if mode == "eager":
        return lambda *tensors: measures(tfgnn_task, *tensors)
    signature = [tf.TensorSpec(shape, dtype)] * 2 + [tf.TensorSpec(shape[:1], dtype)] * weighted
    call = tf.function(
        lambda *tensors: measures(tfgnn_task, *tensors),
        input_signature=signature,
        jit_compile=mode == "xla",
        autograph=False,  # nothing here needs it, and it takes half of the time
    )
    if mode == "plain ops":
        with without_host():
            call.get_concrete_function()
    return call

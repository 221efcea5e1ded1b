"""The tasks for `tensorflow_gnn.runner.run`."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tensorflow_gnn as tfgnn
from tensorflow_gnn import runner

from .corruption.base import check_scalar
from .corruption.features import Corruptor, ShuffleFeaturesGlobally
from .loss import BarlowTwinsLoss
from .metrics.svd import AllSvdMetrics
from .projector import check_projector, make_projector, project
from .weights import RowComponents

READOUTS = ("first_node", "all_nodes")


class ContrastiveLossTask(runner.Task):
    """Base class of tasks that contrast two views of a graph, without labels.

    `preprocess` makes the views, the runner applies one GNN to each, `predict` reads them out,
    projects them and stacks them; a subclass supplies `make_contrastive_layer` and `losses`.

    Args:
        node_set_name: node set to read out.
        feature_name: its feature to read out.
        representations_layer_name: name of the layer in the trained model whose output is the
            representation of the clean graph; default "clean_representations".
        corruptor: one corruptor contrasts the clean graph with a corrupted one; a pair of them
            contrasts two corrupted views. Default: `ShuffleFeaturesGlobally`.
        projector_units: layer sizes of an optional projector (Dense, ReLU each) between
            representations and loss. It is not part of the representation.
        projector: instead of projector_units, any Keras layer from ``[rows, D]`` to
            ``[rows, D']``, or sizes such as "2048-2048-2048" or ``[2048, 2048, 2048]`` for the head
            of the Barlow Twins paper, see `projector.projector_head`.
        seed: seed of the default corruptor; unused with a corruptor given.
        readout: "first_node" reads the first node of each component (the root of a sampled
            subgraph), "all_nodes" every node of the node set (full-graph training).

    Raises:
        TypeError: if a corruptor is not callable, the seed no integer, projector_units not a
            sequence, or projector neither a layer nor sizes.
        ValueError: for an unknown readout, a sequence of other than two corruptors, a corruptor
            that drops nodes with ``readout="all_nodes"``, both projector_units and projector, or a
            size that is not a positive integer.
    """

    # Whether XLA compiles `predict`, the losses and the metrics. A subclass says so for its own.
    supports_tpu = False

    def __init__(
        self,
        node_set_name: str,
        *,
        feature_name: str = tfgnn.HIDDEN_STATE,
        representations_layer_name: str | None = None,
        corruptor: Corruptor | Sequence[Corruptor] | None = None,
        projector_units: Sequence[int] | None = None,
        seed: int | None = None,
        readout: str = "first_node",
        projector: tf.keras.layers.Layer | str | Sequence[int] | None = None,
    ):
        self._representations_layer_name = representations_layer_name or "clean_representations"
        if readout not in READOUTS:
            raise ValueError(f"readout should be one of {', '.join(READOUTS)} (got {readout!r})")
        self._node_set_name = node_set_name
        self._reads_all_nodes = readout == "all_nodes"
        readout_class = (
            tfgnn.keras.layers.Readout
            if self._reads_all_nodes
            else tfgnn.keras.layers.ReadoutFirstNode
        )
        self._readout = readout_class(node_set_name=node_set_name, feature_name=feature_name)
        if corruptor is None:
            corruptor = ShuffleFeaturesGlobally(seed=seed)
        self._corruptors = tuple(corruptor) if isinstance(corruptor, Sequence) else (corruptor,)
        if isinstance(corruptor, Sequence) and len(corruptor) != 2:
            raise ValueError(
                f"corruptor should be one corruptor or a pair (got {len(corruptor)} of them)"
            )
        for one in self._corruptors:
            if not callable(one):
                raise TypeError(f"corruptor should be one corruptor or a pair (got {one!r})")
            if self._reads_all_nodes and getattr(one, "changes_nodes", False):
                raise ValueError(
                    'readout="all_nodes" needs corruptors that keep the nodes: row i of one view'
                    f" should be row i of the other (got {type(one).__name__})"
                )
        check_projector(projector_units, projector)
        self._projector_arguments = projector_units, projector
        self._projector = None  # made by the first `predict`, which knows policy and strategy

    def preprocess(
        self, inputs: tfgnn.GraphTensor
    ) -> tuple[Sequence[tfgnn.GraphTensor], runner.Predictions]:
        """Makes the views.

        Args:
            inputs: a scalar GraphTensor.

        Returns:
            ``(graphs, pseudo-labels)``: the clean graph and one corrupted graph per corruptor; the
            labels have one row per row of the readout: int32 ``[components, 0]`` for
            "first_node", those of `weights.RowComponents`, ``[nodes, 2]``, for "all_nodes".

        Raises:
            ValueError: if the graph is a batch, or lacks the node set.
        """
        check_scalar(inputs)
        if self._node_set_name not in inputs.node_sets:
            raise ValueError(
                f"node_set_name={self._node_set_name!r} is not a node set of the graph (it has"
                f" {sorted(inputs.node_sets)})"
            )
        x = (inputs, *(corruptor(inputs) for corruptor in self._corruptors))
        if self._reads_all_nodes:
            return x, RowComponents(self._node_set_name)(inputs)
        return x, tf.zeros((inputs.num_components, 0), dtype=tf.int32)

    def predict(self, *args: tfgnn.GraphTensor) -> runner.Predictions:
        """Reads out, projects and stacks the views.

        Args:
            *args: the GNN's outputs for the graphs that `preprocess` returned, in their order.

        Returns:
            What the contrastive layer makes of the stacked views ``[rows, 2, D]``.

        Raises:
            ValueError: if an argument is not a GraphTensor, or their number is wrong.
            AssertionError: under a TPUStrategy, if the task is not made for it.
        """
        for graph in args:
            if not tfgnn.is_graph_tensor(graph):
                raise ValueError(f"Expected a `GraphTensor` input (got {graph})")
        if len(args) != 1 + len(self._corruptors):
            raise ValueError(
                f"Expected {1 + len(self._corruptors)} graphs, the clean one first"
                f" (got {len(args)})"
            )
        on_tpu = isinstance(tf.distribute.get_strategy(), tf.distribute.TPUStrategy)
        if on_tpu and not self.supports_tpu:
            raise AssertionError("Contrastive learning tasks do not support TPU yet.")
        clean, *views = (self._readout(graph) for graph in args)
        clean = _Same(name=self._representations_layer_name)(clean)
        if len(views) == 1:
            views = [clean, *views]
        if self._projector is None:
            self._projector = make_projector(*self._projector_arguments)
        if self._projector is None:
            outputs = tf.stack(views, axis=1)
        else:  # of the projectors only that of projector_units is known to treat each row alone
            units, _ = self._projector_arguments
            outputs = project(views, self._projector, at_once=bool(units))
        if len(self._corruptors) == 2:
            outputs = _Beside()([outputs, clean])
        return self.make_contrastive_layer()(outputs)

    @abc.abstractmethod
    def make_contrastive_layer(self) -> tf.keras.layers.Layer:
        """The layer from stacked views ``[rows, 2, D]`` to the model's output."""

    def metrics(self) -> runner.Metrics:
        """No metrics."""
        return ()


class BarlowTwinsTask(ContrastiveLossTask):
    """The Barlow Twins task: the cross-correlation of the two views becomes the identity.

    Args:
        *args: see `ContrastiveLossTask`.
        lambda_, normalize_batch, epsilon, ddof: of the loss, see `BarlowTwinsLoss`.
        backend, path: how it is computed, see `graph_barlow_twins.kernels.loss.entry`; default: the
            fastest way.
        cross_replica: whether it is that of the global batch of all replicas in sync; see
            docs/usage/distribution.md.
        on_nonfinite: what training does when it is NaN or infinite: "raise", "skip" or "ignore".
        metrics_every_n_steps: of every so many training steps since the metrics were reset the
            first is evaluated, see `AllSvdMetrics`.
        **kwargs: see `ContrastiveLossTask`.

    Raises:
        TypeError, ValueError: see `ContrastiveLossTask`, `BarlowTwinsLoss` and `AllSvdMetrics`.

    Source: Zbontar et al. 2021, https://arxiv.org/abs/2103.03230; on graphs: Bielak et al. 2022.
    """

    supports_tpu = True

    def __init__(
        self,
        *args,
        lambda_: tf.Tensor | float | None = None,
        normalize_batch: bool = True,
        epsilon: float = 1e-6,
        ddof: float = 0,
        backend: str = "auto",
        path: str = "auto",
        cross_replica: bool = True,
        on_nonfinite: str = "raise",
        metrics_every_n_steps: int = 1,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self._metrics_every_n_steps = metrics_every_n_steps
        self._loss_options: dict[str, Any] = {
            "lambda_": lambda_,
            "normalize_batch": normalize_batch,
            "epsilon": epsilon,
            "ddof": ddof,
            "backend": backend,
            "path": path,
            "cross_replica": cross_replica,
            "on_nonfinite": on_nonfinite,
        }
        # Refuse bad options now rather than when training starts.
        self.losses()
        self.metrics()

    def make_contrastive_layer(self) -> tf.keras.layers.Layer:
        """The identity: the loss contrasts the views itself."""
        return Layer()

    def losses(self) -> runner.Losses:
        """The `BarlowTwinsLoss`."""
        return BarlowTwinsLoss(**self._loss_options)

    def metrics(self) -> runner.Metrics:
        """`AllSvdMetrics` of the first view."""
        return (AllSvdMetrics(_first_view, every_n_steps=self._metrics_every_n_steps),)


@tf.keras.utils.register_keras_serializable(package="GraphBarlowTwins")
class _Same(tf.keras.layers.Layer):
    """The identity, also in dtype: under mixed_float16 a base Layer casts float32 to half."""

    def __init__(self, **kwargs):
        super().__init__(**{"autocast": False, **kwargs})

    def call(self, inputs):
        return tf.identity(inputs)


@tf.keras.utils.register_keras_serializable(package="GraphBarlowTwins")
class Layer(_Same):
    """The identity at the end of a model.

    Named like Keras' own, because Keras names the losses of several outputs after their layers:
    "layer_loss", as with upstream.
    """


@tf.keras.utils.register_keras_serializable(package="GraphBarlowTwins")
class _Beside(_Same):
    """Passes its first input on; the second one becomes part of the model beside it.

    With two corrupted views the loss never sees the clean graph. This layer keeps the clean
    representation in the Keras model, where exporters look for it by name. Nothing depends on its
    value in training, so TensorFlow prunes the GNN pass that would compute it.
    """

    def call(self, inputs):
        outputs, _ = inputs
        return tf.identity(outputs)


@tf.keras.utils.register_keras_serializable(package="GraphBarlowTwins")
def _first_view(y_pred: tf.Tensor) -> tf.Tensor:
    return y_pred[:, 0]

"""Exports the encoder of a contrastive task: one graph in, its representation out."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator

import tensorflow as tf
import tensorflow_gnn as tfgnn
from tensorflow_gnn import runner

from .corruption.base import KeyedLayer

# What TensorFlow and Keras write for a SavedModel. Anything else in an export directory is kept.
_SAVED_MODEL_ENTRIES = frozenset(
    {
        "assets",
        "assets.extra",
        "debug",
        "fingerprint.pb",
        "keras_metadata.pb",
        "saved_model.cpb",
        "saved_model.pb",
        "variables",
    }
)


class RepresentationExporter(runner.ModelExporter):
    """Exports what maps serialised graphs to representations of the clean graph.

    The signature "serving_default" of the SavedModel maps ``examples``, uncorrupted serialised
    `tf.train.Example`s as string ``[batch]``, to one output ``[rows, D]``: with
    ``readout="first_node"`` a row per example, with ``readout="all_nodes"`` a row per node, example
    by example. The runner's feature processors are part of it; corruptors, projector, loss and
    optimiser are not. It needs TensorFlow alone where it is loaded.

    An export at the same place is replaced when the new one is complete, and not before: an error
    while saving (a full disk, say) leaves it as it was. A process that is killed may leave hidden
    siblings of the directory behind; the next export to that place clears them away. Only files of
    a SavedModel are replaced, so exporters with a subdirectory can share the directory. With
    several workers the chief's export stays. On file systems that copy instead of renaming, such
    as object stores, replacing is not atomic.

    Args:
        representations_layer_name: the name given to the task; default "clean_representations".
        output_name: of the signature's output.
        subdirectory: of the export directory, to export there instead.
        options: for `tf.saved_model.save`.

    Example, for two tasks trained together::

        model_exporters=[
            RepresentationExporter("papers", subdirectory="papers"),
            RepresentationExporter("authors", subdirectory="authors"),
        ]
    """

    def __init__(
        self,
        representations_layer_name: str | None = None,
        *,
        output_name: str = "representations",
        subdirectory: str | None = None,
        options: tf.saved_model.SaveOptions | None = None,
    ):
        self._layer_name = representations_layer_name or "clean_representations"
        self._output_name = output_name
        self._subdirectory = subdirectory
        self._options = options

    def save(self, run_result: runner.RunResult, export_dir: str) -> None:
        """Writes the SavedModel.

        Args:
            run_result: what `runner.run` passes to its exporters.
            export_dir: directory to write to; made if it is missing.

        Raises:
            ValueError: see `representation_model`.
            FileExistsError: if there is a file in the directory's place.
        """
        model = representation_model(run_result, self._layer_name)
        if self._subdirectory:
            export_dir = os.path.join(export_dir, self._subdirectory)
        strategy = run_result.trained_model.distribute_strategy
        # Keras prints where it saves, and that directory is about to be renamed.
        printed = contextlib.redirect_stdout(io.StringIO())
        with _replacing_saved_model(export_dir, strategy) as temporary, printed:
            runner.export_model(
                model,
                temporary,
                output_names=self._output_name,
                options=self._options,
                # The function and its weights alone. The other way adds Keras' description of all
                # layers, with the names of our classes, from which Keras can rebuild no such model.
                use_legacy_model_save=False,
            )


def representation_model(
    run_result: runner.RunResult, layer_name: str = "clean_representations"
) -> tf.keras.Model:
    """The part of a trained model that leads to the representation of the clean graph.

    Args:
        run_result: what `runner.run` returns.
        layer_name: of the layer whose output is wanted.

    Returns:
        A model from serialised `tf.train.Example`s, string ``[batch]``, to float ``[rows, D]``. It
        shares its weights with the trained model.

    Raises:
        ValueError: if there is no such layer, or it is no function of one uncorrupted graph.
    """
    if run_result.preprocess_model is None:
        raise ValueError("expected a RunResult with a preprocess_model, which reads the examples")
    number, head = _head(run_result.trained_model, layer_name)
    graph = _preprocessed_graph(run_result.preprocess_model, number)
    model = tf.keras.Model(run_result.preprocess_model.input, head(graph))
    # The first graph is clean by the task's contract; there, a corruptor is a feature processor.
    corruptors = [module.name for module in model.submodules if isinstance(module, KeyedLayer)]
    if number > 0 and corruptors:
        raise ValueError(
            f"layer {layer_name!r} does not see the clean graph but what"
            f" {', '.join(corruptors)} made of it"
        )
    return model


def _head(trained_model, layer_name):
    """``(number of the input graph, model from it to the layer's output)``."""
    named = [layer for layer in trained_model.layers if layer.name == layer_name]
    if not named:
        names = ", ".join(layer.name for layer in trained_model.layers)
        raise ValueError(f"no layer {layer_name!r} in the trained model; it has {names}")
    if len(named[0].inbound_nodes) != 1:
        raise ValueError(
            f"layer {layer_name!r} is applied to several views: it has no single output"
        )
    output = named[0].output
    if not tf.keras.backend.is_keras_tensor(output) or tfgnn.is_graph_tensor(output):
        raise ValueError(f"expected a layer with one tensor as output (got {layer_name!r})")
    for number, graph in enumerate(trained_model.inputs):
        # Keras refuses a model whose output needs more than its input.
        with contextlib.suppress(ValueError):
            return number, tf.keras.Model(graph, output)
    raise ValueError(f"layer {layer_name!r} depends on several views, not on the clean graph alone")


def _preprocessed_graph(preprocess_model, number):
    """Output of the preprocessing that leads to this input graph of the trained model, alone.

    The runner wraps feature processors and tasks into one model, nested in the model that parses.
    As a layer it comes as a whole, with all corruptors: so it is cut open here.
    """
    graphs, *_ = preprocess_model.output
    node = graphs[number].node
    nested = node.layer
    if not isinstance(nested, tf.keras.Model):
        return graphs[number]
    outputs = zip(tf.nest.flatten(node.outputs), tf.nest.flatten(nested.output), strict=True)
    (output,) = (inside for outside, inside in outputs if outside is graphs[number])
    return tf.keras.Model(nested.input, output)(*node.call_args, **node.call_kwargs)


@contextlib.contextmanager
def _replacing_saved_model(export_dir: str, strategy: tf.distribute.Strategy) -> Iterator[str]:
    """Gives a path to save to; moves what was saved to ``export_dir`` when all of it is there.

    All names are derived from the directory's, so that leftovers of a killed process are found
    rather than piled up.
    """
    path = os.fspath(export_dir)
    if "://" not in path:
        path = os.path.realpath(path)  # a link would be replaced itself, not what it points to
    parent, name = os.path.split(path.rstrip("/"))
    path = os.path.join(parent, name)
    if tf.io.gfile.exists(path) and not tf.io.gfile.isdir(path):
        raise FileExistsError(f"cannot export to {path}: it is a file")
    worker = _other_worker(strategy)
    temporary = os.path.join(parent, f".{name}.exporting{worker}")
    previous = os.path.join(parent, f".{name}.previous")
    tf.io.gfile.makedirs(parent)
    _remove(temporary)
    if not worker:
        _finish(path, previous)
    try:
        yield temporary
        if not worker:
            if tf.io.gfile.exists(path):
                tf.io.gfile.rename(path, previous)
            try:
                tf.io.gfile.rename(temporary, path)
            finally:
                _finish(path, previous)
    finally:
        _remove(temporary)


def _finish(path, previous):
    """Puts back the previous export where no new one took its place; otherwise removes it."""
    if not tf.io.gfile.exists(previous):
        return
    if not tf.io.gfile.exists(path):
        tf.io.gfile.rename(previous, path)
        return
    for entry in tf.io.gfile.listdir(previous):
        entry = entry.rstrip("/")
        kept = os.path.join(path, entry)
        if entry not in _SAVED_MODEL_ENTRIES and not tf.io.gfile.exists(kept):
            tf.io.gfile.rename(os.path.join(previous, entry), kept)
    _remove(previous)


def _remove(path):
    if tf.io.gfile.exists(path):
        tf.io.gfile.rmtree(path)


def _other_worker(strategy: tf.distribute.Strategy) -> str:
    """A suffix for the temporary directory of a worker that is not the chief; else empty.

    All workers have to save, because reading a variable may need all of them.
    """
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type or resolver.task_type == "chief":
        return ""
    has_chief = "chief" in resolver.cluster_spec().as_dict()
    if resolver.task_type == "worker" and resolver.task_id == 0 and not has_chief:
        return ""
    return f"-{resolver.task_type}-{resolver.task_id}"

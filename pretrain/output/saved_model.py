"""A SavedModel that the user vouches for: loading and applying it executes what is in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..encoder.blockwise import embed_in_blocks
from ..encoder.weights import EncoderWeights, LinearWeights
from ..errors import InputError
from ..graph.data import GraphData
from ..quiet import errors_only, quiet_tensorflow
from .paths import without_patterns

_SIGNATURE, _INPUT, _OUTPUT = "serving_default", "examples", "representations"
# A graph goes into a model as one serialised tf.train.Example, which cannot exceed 2 GB, and the
# model holds the states of all its nodes, several times. Larger ones than this go in blocks.
_MOST_BYTES_AT_ONCE = 2**29


class SavedModel:
    """What `export.export_model` has written, of any version; imports TensorFlow.

    Args:
        path: the folder with saved_model.pb.

    Attributes:
        num_features: F, the width of the input.

    Raises:
        InputError: if it cannot be loaded, or is another model than ours.
    """

    def __init__(self, path: Path):
        self._path = path
        with quiet_tensorflow():
            import tensorflow as tf
        try:
            # Held on to: the signature refers to the variables, but does not keep them.
            # Warnings are about gradients, which nobody asks for here.
            with errors_only("tensorflow", "absl"), without_patterns(path) as plain:
                self._model = tf.saved_model.load(str(plain))
            self._function = self._model.signatures[_SIGNATURE]
            (argument,) = self._function.structured_input_signature[1].values()
            result = self._function.structured_outputs[_OUTPUT]
            fits = (argument.name, argument.dtype) == (_INPUT, tf.string)
            self._weights = [variable.numpy() for variable in self._function.variables]
            self._linear = self._linear_weights()
            self.num_features = self._input_width()
            fits = fits and result.shape.rank == 2
        # Whatever is wrong with a file of someone else's: protobuf, TensorFlow and Python each have
        # errors of their own for it.
        except Exception as error:
            reason = str(error).split("\n")[0][:200]
            raise InputError(
                f"{path}: not an exported model of graph-barlow-twins, or a damaged one"
                f" ({type(error).__name__}: {reason})"
            ) from None
        if not fits:
            raise InputError(
                f"{path}: expected a signature {_SIGNATURE} from {_INPUT} (strings) to"
                f" {_OUTPUT} [N, D]; this is another model"
            )

    def _by_name(self) -> dict[str, np.ndarray]:
        # A signature lists its variables in the order of their use, so their names must tell.
        names = [one.name.split("/")[-1].split(":")[0] for one in self._function.variables]
        return dict(zip(names, self._weights, strict=True)) if len(set(names)) == len(names) else {}

    def _linear_weights(self) -> LinearWeights | None:
        """Those of a linear encoder by the names of its layers' weights; None of another one."""
        named = self._by_name()
        if sorted(named) != sorted(LinearWeights.names()):
            return None
        return LinearWeights(**named)

    def _input_width(self) -> int:
        """F; the length of what weighs the features, or of the first kernel."""
        if self._linear:
            return self._linear.num_features
        named = self._by_name()
        for name in ("column_weights_0", "center"):  # of channels, and of the wide encoder
            if name in named:
                return len(named[name])
        (width, _) = self._weights[0].shape
        return width

    def embed(self, data: GraphData, *, quiet: bool) -> np.ndarray:
        """Representations of the nodes, float32 [N, D].

        A graph of up to 0.5 GB, as features, edges and widest states, goes through the model
        itself; a larger one through its weights, in blocks (`embed_in_blocks`).

        Raises:
            InputError: if the model cannot read the graph; for a large graph, if the weights are
                not those of our encoder.
        """
        widest = max(weight.shape[-1] for weight in self._weights)
        size = 4 * data.num_nodes * (data.num_features + widest) + 20 * data.num_edges
        if size <= _MOST_BYTES_AT_ONCE:
            return self._embed_at_once(data)
        try:
            weights = self._linear or EncoderWeights.from_list(self._weights)
        except ValueError as error:
            raise InputError(
                f"{data.name}: about {size / 2**30:.1f} GB are too large for one call of"
                f" {self._path}, and for blocks its weights are not known ({error}); embed the"
                " graph with the version that exported the model, or in parts"
            ) from None
        return embed_in_blocks(weights, data, quiet=quiet)

    def _embed_at_once(self, data: GraphData) -> np.ndarray:
        import tensorflow as tf
        import tensorflow_gnn as tfgnn

        from ..graph.tensor import plain_graph

        # A model of a graph with weights needs them; another one does not read them.
        example = tfgnn.write_example(plain_graph(data.weighted())).SerializeToString()
        try:
            result = self._function(**{_INPUT: tf.constant([example])})[_OUTPUT].numpy()
        except tf.errors.OpError as error:
            raise InputError(
                f"{self._path}: the model cannot read the graph {data.name}: {error.message}"
            ) from None
        if len(result) != data.num_nodes:
            raise InputError(
                f"{self._path}: expected {data.num_nodes} representations, got {len(result)}"
            )
        return result

"""A TF-GNN encoder with all that it takes to apply it: description, weights, representations."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn

from ...graph.objects.column import Column
from ...sampling.plan import Plan
from ...sampling.tensors import spec_of, used_schema
from .build import build_template
from .inputs import EncodeFeatures
from .layers import FirstNodes


@dataclasses.dataclass(frozen=True, eq=False)
class Template:
    """What an encoder is, without its weights.

    Attributes:
        encoder: see `build_template`, as are units and rounds.
        units: width of the states.
        rounds: of message passing.
        target: node set of the roots.
        columns: how features become input, by node set.
        schema: of subgraphs, a ``GraphSchema``; see `sampling.schema.sampled_schema`.
        plan: how subgraphs are sampled; None: they came in files.
        seed: of the sampling.
    """

    encoder: str
    units: int
    rounds: int
    target: str
    columns: Mapping[str, tuple[Column, ...]]
    schema: Any
    plan: Plan | None
    seed: int

    @property
    def spec(self) -> tfgnn.GraphTensorSpec:
        """Of one subgraph, with the features that are read and the ids of the roots' set."""
        return spec_of(used_schema(self.schema, self.columns, self.target))

    @property
    def dimension(self) -> int:
        """D of the representations."""
        return self.units * (self.rounds + 1)

    def build(self, spec: tfgnn.GraphTensorSpec) -> tf.keras.Model:
        """The encoder for subgraphs whose features are encoded; see `build_template`."""
        return build_template(
            spec,
            self.columns,
            encoder=self.encoder,
            units=self.units,
            rounds=self.rounds,
            target=self.target,
        )

    @tf.autograph.experimental.do_not_convert  # as `training.steps.fit`
    def representations(self) -> tf.keras.Model:
        """From subgraphs, merged to components, to the representations of their roots, [B, D]."""
        inputs = tf.keras.Input(type_spec=self.spec.relax(num_components=True))
        encoded = EncodeFeatures(self.columns)(inputs)
        states = self.build(encoded.spec)(encoded)
        return tf.keras.Model(inputs, FirstNodes(self.target)(states))

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        columns = {
            name: [dataclasses.asdict(one) | {"values": list(one.values)} for one in found]
            for name, found in self.columns.items()
        }
        return {
            "encoder": self.encoder,
            "units": self.units,
            "rounds": self.rounds,
            "target": self.target,
            "columns": columns,
            "schema": str(self.schema),
            "plan": None if self.plan is None else self.plan.to_dict(),
            "seed": self.seed,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Template:
        """Reads `to_dict` back; raises KeyError, TypeError or ValueError of what is none."""
        from google.protobuf import text_format

        columns = {
            name: tuple(Column(**{**one, "values": tuple(one["values"])}) for one in found)
            for name, found in content["columns"].items()
        }
        try:
            schema = text_format.Parse(content["schema"], tfgnn.GraphSchema())
        except text_format.ParseError as error:
            raise ValueError(str(error)) from None
        plan = None if content["plan"] is None else Plan.from_dict(content["plan"])
        return cls(**{**content, "columns": columns, "schema": schema, "plan": plan})


class Applier:
    """An encoder with weights, applied to subgraphs.

    Args:
        template: what it is.
        weights: of `Template.representations`; None: those that it begins with.

    Attributes:
        model: of `Template.representations`.
        apply_to_examples: `of_examples` on tensors, a tf.function.
    """

    def __init__(self, template: Template, weights: list[np.ndarray] | None = None):
        self.template, self._spec = template, template.spec
        self.model = template.representations()
        if weights is not None:
            self.model.set_weights(weights)
        spec = self._spec.relax(num_components=True)
        self._apply = tf.function(self._of_graph, input_signature=[spec], autograph=False)
        examples = tf.TensorSpec([None], tf.string)
        self.apply_to_examples = tf.function(
            self._of_examples, input_signature=[examples], autograph=False
        )

    @property
    def weights(self) -> list[np.ndarray]:
        """Arrays."""
        return self.model.get_weights()

    @property
    def tables(self) -> list[Any]:
        """The vocabularies, which are resources of TensorFlow."""
        return [
            table
            for layer in self.model.layers
            if isinstance(layer, EncodeFeatures)
            for table in layer.tables
        ]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Takes others."""
        self.model.set_weights(weights)

    @tf.autograph.experimental.do_not_convert
    def _of_graph(self, graph: tfgnn.GraphTensor) -> tf.Tensor:
        return self.model(graph, training=False)

    @tf.autograph.experimental.do_not_convert
    def _of_examples(self, examples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        graph = tfgnn.parse_example(self._spec, examples).merge_batch_to_components()
        nodes = graph.node_sets[self.template.target]
        firsts = tf.cumsum(nodes.sizes, exclusive=True)
        return tf.gather(nodes["#id"], firsts), self._of_graph(graph)

    def of_graph(self, graph: tfgnn.GraphTensor) -> np.ndarray:
        """Representations [B, D] of a graph of B components."""
        return self._apply(graph).numpy()

    def of_examples(self, examples: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Ids of the roots, str [B], and representations, float32 [B, D].

        Args:
            examples: serialised ``tf.train.Example``s of subgraphs.
        """
        if not len(examples):
            return np.zeros(0, str), np.zeros((0, self.template.dimension), np.float32)
        ids, found = self.apply_to_examples(tf.constant(examples, tf.string))
        return np.char.decode(ids.numpy().astype(np.bytes_), "utf-8"), found.numpy()

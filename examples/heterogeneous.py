# %% [markdown]
# # `runner.run` with a heterogeneous schema
#
# Papers cite papers and have authors. `BarlowTwinsTask` takes the place of upstream's; each view
# drops a share of the
# links of either kind and masks features of the papers.

# %%
import tempfile

import graph_barlow_twins.tfgnn_task as gbt  # before tensorflow: it selects Keras 2
import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn
from tensorflow_gnn import runner
from tensorflow_gnn.models import mt_albis

PAPERS, AUTHORS = 200, 50
rng = np.random.default_rng(0)


def links(source, target, ends):
    return tfgnn.EdgeSet.from_fields(
        sizes=[len(ends[0])],
        adjacency=tfgnn.Adjacency.from_indices(
            (source, tf.constant(ends[0])), (target, tf.constant(ends[1]))
        ),
    )


topic = rng.integers(0, 4, PAPERS)
words = (rng.random((PAPERS, 64)) < 0.05 + 0.3 * (np.arange(64) % 4 == topic[:, None])).astype(
    np.float32
)
graph = tfgnn.GraphTensor.from_pieces(
    node_sets={
        "papers": tfgnn.NodeSet.from_fields(sizes=[PAPERS], features={"words": words}),
        "authors": tfgnn.NodeSet.from_fields(sizes=[AUTHORS], features={}),
    },
    edge_sets={
        "cites": links("papers", "papers", rng.integers(0, PAPERS, (2, 600))),
        "writes": links(
            "authors", "papers", [rng.integers(0, AUTHORS, 400), rng.integers(0, PAPERS, 400)]
        ),
    },
)

# %% [markdown]
# The encoder: an initial state for each kind of nodes, and two rounds of TF-GNN's own model.


# %%
def model_fn(spec):
    def initial(node_set, *, node_set_name):
        if node_set_name == "papers":
            return tf.keras.layers.Dense(32)(node_set["words"])
        return tfgnn.keras.layers.MakeEmptyFeature()(node_set)

    inputs = tf.keras.Input(type_spec=spec)
    state = tfgnn.keras.layers.MapFeatures(node_sets_fn=initial)(inputs)
    for _ in range(2):
        state = mt_albis.MtAlbisGraphUpdate(
            units=32,
            message_dim=32,
            receiver_tag=tfgnn.TARGET,
            attention_type="none",
            simple_conv_reduce_type="mean",
        )(state)
    return tf.keras.Model(inputs, state)


class Graphs:
    """The full graph, once per step."""

    def get_dataset(self, context):
        del context
        return tf.data.Dataset.from_tensors(graph).repeat()


# %%
mask = gbt.CorruptionSpec(node_set_corruption={"papers": {"words": 0.3}})
view = gbt.Compose([gbt.DropEdges({"cites": 0.3, "writes": 0.2}), gbt.MaskFeatures(mask)])
task = gbt.BarlowTwinsTask("papers", corruptor=(view, view), readout="all_nodes")
folder = tempfile.mkdtemp()
trainer = runner.KerasTrainer(
    tf.distribute.get_strategy(),
    model_dir=folder,
    steps_per_epoch=20,
    verbose=0,
    summarize_every_n_steps="never",
)
result = runner.run(
    train_ds_provider=Graphs(),
    model_fn=model_fn,
    optimizer_fn=tf.keras.optimizers.Adam,
    trainer=trainer,
    task=task,
    gtspec=graph.spec.relax(num_edges=True),  # a view has fewer
    global_batch_size=1,
    epochs=2,
    model_exporters=[],
)
papers = result.base_model(graph).node_sets["papers"][tfgnn.HIDDEN_STATE]
print(papers.shape)

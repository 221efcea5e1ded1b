# %% [markdown]
# # Which nodes are most like this one?
#
# Embeddings around their mean, compared by cosine similarity.

# %%
from graph_barlow_twins import GraphBarlowTwins
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from sklearn.neighbors import NearestNeighbors

graph = load_dataset("digits")
model = GraphBarlowTwins(seed=0, encoder="channels").fit(graph.features, graph.edge_index)
centred = model.embedding_ - model.embedding_.mean(axis=0)

# %%
search = NearestNeighbors(n_neighbors=6, metric="cosine").fit(centred)
_, found = search.kneighbors(centred[:5])
for node, neighbours in enumerate(found):
    others = neighbours[neighbours != node]
    print(
        f"a {graph.class_names[graph.labels[node]]}:",
        [graph.class_names[k] for k in graph.labels[others]],
    )

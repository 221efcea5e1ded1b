# %% [markdown]
# # Digits in five lines
#
# 1,797 images of handwritten digits, each linked to its ten nearest: no label takes part in the
# training.

# %%
from graph_barlow_twins import GraphBarlowTwins
from graph_barlow_twins.pretrain.graph.datasets import load_dataset

graph = load_dataset("digits")
model = GraphBarlowTwins(seed=0).fit(graph.features, graph.edge_index, graph.labels)
print(model.embedding_.shape, model.recipe_["encoder"])

# %% [markdown]
# With labels, the report compares the embeddings with three baselines: open it in a browser.

# %%
print(model.report("digits.html"))

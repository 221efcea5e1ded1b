# %% [markdown]
# # A NetworkX graph without features
#
# Zachary's karate club: 34 people, two factions. Without features, degrees and eigenvectors of
# the links take their place.

# %%
import networkx
from graph_barlow_twins import GraphBarlowTwins

club = networkx.karate_club_graph()
model = GraphBarlowTwins(seed=0).fit(None, club, labels="club")
print(model.embedding_.shape)

# %% [markdown]
# Attributes of the nodes are features by their names.

# %%
for node in club:
    club.nodes[node]["friends"] = club.degree(node)
print(GraphBarlowTwins(seed=0).fit(["friends"], club).n_features_in_)

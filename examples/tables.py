# %% [markdown]
# # Your own tables
#
# People with numbers, a category and a text, and who knows whom. In your own case the two tables
# come from
# `pandas.read_csv` or `pandas.read_parquet`; the index of the first are the ids that the second
# names.

# %%
import numpy as np
import pandas
from graph_barlow_twins import GraphBarlowTwins

rng = np.random.default_rng(0)
town = rng.choice(["Bonn", "Essen", "Ulm"], 300)
people = pandas.DataFrame(
    {
        "age": rng.normal(40, 12, 300).round(),
        "town": town,
        "about": np.where(
            town == "Ulm", "likes towers and the river", "likes trains more than rivers"
        ),
    },
    index=[f"person-{i}" for i in range(300)],
)
first, second = rng.integers(0, 300, (2, 4000))
near = (town[first] == town[second]) | (rng.random(4000) < 0.1)
knows = pandas.DataFrame(
    {"source": people.index[first[near]], "target": people.index[second[near]]}
)

# %%
model = GraphBarlowTwins(seed=0, units=[32]).fit(people, knows)
print(model.columns_.described())

# %% [markdown]
# Embeddings as a table again, and a model that another process can apply to other tables.

# %%
embeddings = pandas.DataFrame(model.embedding_, index=model.node_ids_)
embeddings.to_csv("people_embeddings.csv")
model.save("people_model", overwrite=True)
again = GraphBarlowTwins.load("people_model").transform(people, knows)
print(np.abs(again - model.embedding_).max())

"""Defaults that depend on the graph or on other options; docs/recipe.md says why they are so.

The recipe takes them from here, and so do the help texts.
"""

LINEAR, GCN = "linear", "gcn"
ENCODERS = (LINEAR, GCN)
ADAM, CLOSED_FORM, NO_TRAINING = "adam", "closed-form", "none"
TRAININGS = (ADAM, CLOSED_FORM, NO_TRAINING)

UNITS = {LINEAR: (512,), GCN: (512, 256)}
STEPS = {LINEAR: 60, GCN: 200}
HOPS = 8
BATCH_SIZE = 1024
EPOCHS = 1

EDGE_RATE, SAMPLED_EDGE_RATE = 0.7, 0.3
# For the sparsest features; 0 for those of which two thirds are not zero.
MASK_RATE = 0.2
# Bags of words have at most a third of this (Cora 1.3 %, abstracts with TF-IDF weights 10 %);
# measured quantities, such as the pixels of the digits, several times as much.
WORDS_DENSITY = 0.3

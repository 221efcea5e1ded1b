"""Defaults that depend on the graph or on other options; why: docs/theory/recipe.md.

The recipe takes them from here, and so do the help texts.
"""

LINEAR, GCN, CHANNELS, WIDE = "linear", "gcn", "channels", "wide"
MT_ALBIS, GRAPH_SAGE, HGT = "mt_albis", "graph_sage", "hgt"
HEADS = 4  # of attention, of hgt
TEMPLATES = (MT_ALBIS, GRAPH_SAGE, HGT)  # of TF-GNN, on sampled subgraphs of all node sets
ENCODERS = (LINEAR, GCN, CHANNELS, WIDE, *TEMPLATES)
BY_STEPS = (LINEAR, GCN, *TEMPLATES)  # those that are trained by steps
ADAM, CLOSED_FORM, NO_TRAINING = "adam", "closed-form", "none"
TRAININGS = (ADAM, CLOSED_FORM, NO_TRAINING)

# What each encoder is trained by, if nothing else is asked for.
TRAINING = {CHANNELS: CLOSED_FORM, WIDE: NO_TRAINING} | dict.fromkeys(BY_STEPS, ADAM)
UNITS = {LINEAR: (512,), GCN: (512, 256), CHANNELS: (512,), WIDE: (512,)}
UNITS |= dict.fromkeys(TEMPLATES, (128,))
STEPS = {LINEAR: 60, GCN: 200}
HOPS = 8
BATCH_SIZE, TEMPLATE_BATCH_SIZE = 1024, 512
TEMPLATE_FAN_OUT = (8, 4)
EPOCHS = 1

EDGE_RATE, SAMPLED_EDGE_RATE = 0.7, 0.3
TEMPLATE_ENTRY_RATE = 0.3
# Times 1 / D: it starts at principal directions, which a smaller weight of their redundancy lets
# go for what hardly differs between views, as whether there are neighbours at all.
MT_ALBIS_REDUNDANCY = 10.0
CHANNEL_RATE, RELATION_RATE = 0.5, 0.8
# For the sparsest features; 0 for those of which two thirds are not zero.
MASK_RATE = 0.2
# Bags of words have at most a third of this (Cora 1.3 %, abstracts with TF-IDF weights 10 %);
# measured quantities, such as the pixels of the digits, several times as much.
WORDS_DENSITY = 0.3
# Dense features are few up to so many: of their neighbourhoods there is more to know than means.
FEW_FEATURES = 32
# For a hidden layer of the gcn, or for a training by steps on dense features.
FEW_NODES = 1000

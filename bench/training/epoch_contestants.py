"""Who trains on a full graph: `graph-barlow-twins pretrain`, and a plain PyTorch Geometric loop.

A contestant is a function of ``(data, units)`` that returns a training: a function of ``(callback,
epochs)``, where the callback is that of `train_step_turns.StepTimer`.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

SEED = 0
# Of both, and of both views; the authors' choice for Cora is not known to matter for the time.
DROP_EDGES, MASK_FEATURES = 0.3, 0.2
LEARNING_RATE, WEIGHT_DECAY = 1e-3, 1e-5


def linear(data, units):
    """The main job with its default encoder of bags of words, as wide as the first layer."""
    return ours(data, units[:1], encoder="linear")


def ours(data, units, encoder="gcn"):
    """The training of the main job, with its checkpoints, curves and TensorBoard log."""
    from graph_barlow_twins.pretrain.config.options import PretrainConfig
    from graph_barlow_twins.pretrain.output.folder import OutputFolder
    from graph_barlow_twins.pretrain.training.recipe import make_recipe
    from graph_barlow_twins.pretrain.training.run import make_run

    config = PretrainConfig(
        output="unused",
        seed=SEED,
        encoder=encoder,
        units=units,
        drop_edges=DROP_EDGES,
        mask_features=MASK_FEATURES,
        drop_entries=0.0,
        learning_rate=LEARNING_RATE,
        weight_decay=WEIGHT_DECAY,
    )
    recipe = make_recipe(config, data)

    def training(callback, epochs):
        with tempfile.TemporaryDirectory() as folder:
            run = make_run(data, dataclasses.replace(recipe, steps=epochs))
            run.train(OutputFolder(Path(folder)), callbacks=[callback])

    return training


def pytorch_geometric(data, units):
    """GCN, batch norm and PReLU on dense features, as the authors of Graph Barlow Twins train.

    Source of the method: Bielak et al. 2022, https://arxiv.org/abs/2106.02466, sections 3 and 4.
    """
    import numpy as np
    import scipy.sparse
    import torch
    from torch_geometric.nn import GCNConv

    dense = data.features.toarray() if scipy.sparse.issparse(data.features) else data.features
    features = torch.from_numpy(np.asarray(dense, np.float32))
    edge_index = torch.from_numpy(data.edge_index.astype(np.int64))
    hidden, width = units

    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = GCNConv(features.shape[1], hidden)
            self.norm = torch.nn.BatchNorm1d(hidden)
            self.activation = torch.nn.PReLU()
            self.second = GCNConv(hidden, width)

        def forward(self, x, edges):
            return self.second(self.activation(self.norm(self.first(x, edges))), edges)

    def view():
        kept_columns = (torch.rand(features.shape[1]) >= MASK_FEATURES).float()
        kept_edges = torch.rand(edge_index.shape[1]) >= DROP_EDGES
        return features * kept_columns, edge_index[:, kept_edges]

    def loss_of(z_a, z_b):
        rows = len(z_a)
        z_a = (z_a - z_a.mean(0)) / z_a.std(0)
        z_b = (z_b - z_b.mean(0)) / z_b.std(0)
        correlation = z_a.T @ z_b / rows
        diagonal = correlation.diagonal()
        off_diagonal = correlation.square().sum() - diagonal.square().sum()
        return (1 - diagonal).square().sum() + off_diagonal / width

    def training(callback, epochs):
        torch.manual_seed(SEED)
        encoder = Encoder()
        optimizer = torch.optim.AdamW(
            encoder.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY
        )
        for epoch in range(epochs):
            callback.on_train_batch_begin(epoch)
            optimizer.zero_grad()
            loss = loss_of(encoder(*view()), encoder(*view()))
            loss.backward()
            optimizer.step()
            loss.item()
            callback.on_train_batch_end(epoch)

    return training


PEER = "PyTorch Geometric"
CONTESTANTS = {"ours": ours, "ours, linear": linear, PEER: pytorch_geometric}

"""Files that are not read here, and how to write them as one that is."""

from __future__ import annotations

from pathlib import Path

# By suffix; docs/usage/datasets.md says more of each.
_PICKLE = (
    "pandas.read_pickle(FILE).to_parquet('nodes.parquet'), if you trust it: pickles run programs"
)
_SHEET = "save its sheets as CSV UTF-8"
_HDF = "np.savez('graph.npz', features=..., edge_index=...) of its arrays"
_SAVED = "np.savez('graph.npz', x=data.x, edge_index=data.edge_index, y=data.y)"
_HOW = {
    ".mtx": "scipy.sparse.save_npz('graph.npz', scipy.io.mmread(FILE).tocsr())",
    ".mat": "m = scipy.io.loadmat(FILE), then np.savez('graph.npz', features=..., edge_index=...)",
    ".pt": f"data = torch.load(FILE), then {_SAVED}",
    ".pth": f"data = torch.load(FILE), then {_SAVED}",
    ".bin": "g = dgl.load_graphs(FILE)[0][0], then np.savez('graph.npz', edge_index=np.stack("
    "g.edges()), features=g.ndata['feat'])",
    ".json": "networkx.write_graphml(networkx.node_link_graph(json.load(open(FILE))), 'g.graphml')",
    ".gml": "networkx.write_graphml(networkx.read_gml(FILE), 'g.graphml')",
    ".net": "networkx.write_graphml(networkx.Graph(networkx.read_pajek(FILE)), 'g.graphml')",
    ".pkl": _PICKLE,
    ".pickle": _PICKLE,
    ".gpickle": _PICKLE,
    ".xlsx": _SHEET,
    ".xls": _SHEET,
    ".ods": _SHEET,
    ".h5": _HDF,
    ".hdf5": _HDF,
    ".h5ad": _HDF,
}
_KINDS = {".npz": "--dataset npz:", ".graphml": "--dataset graphml:", ".gexf": "--dataset gexf:"}
_KINDS |= dict.fromkeys((".csv", ".tsv", ".parquet", ".gz"), "--edges ")
_KINDS |= dict.fromkeys((".txt", ".edgelist", ".edges"), "--dataset edgelist:")
_CITATIONS = ("cora", "citeseer", "pubmed")


def how_to_convert(path: str | Path) -> str:
    """What to add to the refusal of such a file; nothing for others."""
    how = _HOW.get(Path(path).suffix.lower())
    return f"; convert it: {how}" if how else ""


def how_to_name(path: str) -> str:
    """What to add where a file is given without its kind; nothing for others."""
    kind = _KINDS.get(Path(path).suffix.lower())
    kind = "--dataset planetoid:" if path.lower() in _CITATIONS else kind
    return f"; did you mean {kind}{path}" if kind else ""

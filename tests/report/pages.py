"""Contents of reports, harmless and hostile, and a page taken apart."""

from html.parser import HTMLParser

import numpy as np
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.report import data as report_data
from graph_barlow_twins.pretrain.report.content import ReportContent

HOSTILE = "</script></title><img src=x onerror=alert(1)>\"'&\u202e\x00<!--"
_VOID = {"meta", "link", "img", "source", "br"}


def make_data(N=60, classes=3, *, name="blocks", labels=True, class_name="class {}"):
    rng = np.random.default_rng(0)
    kinds = np.arange(N) % classes
    return make_graph_data(
        name=name,
        features=rng.normal(size=(N, 4)),
        edge_index=np.stack([np.arange(N), (np.arange(N) + classes) % N]),
        labels=np.array([class_name.format(kind) for kind in kinds]) if labels else None,
        node_ids=np.array([f"{class_name.format('node')} {i}" for i in range(N)]),
    )


def make_content(data=None, *, D=8, dataset=None, steps=30):
    """A report of made-up embeddings in which the classes are blobs."""
    data = data or make_data()
    N = data.num_nodes
    rng = np.random.default_rng(1)
    kinds = data.labels if data.labels is not None else np.arange(N) % 3
    embeddings = 3 * rng.normal(size=(kinds.max() + 1, D))[kinds] + rng.normal(size=(N, D))
    untrained = rng.normal(size=(N, D))
    z = (embeddings - embeddings.mean(axis=0)) / (embeddings.std(axis=0) + 1e-9)
    C = (z.T @ z / N).astype(np.float32)
    probe = {}
    if data.num_classes:
        for name, accuracy in (("trained encoder", 0.8768), ("PCA", 0.7432)):
            folds = [accuracy - 0.01, accuracy + 0.01]
            probe[name] = {
                "accuracy": accuracy,
                "std": 0.01,
                "split_accuracies": folds,
                "protocol": "k folds",
            }
    metrics = {
        "dataset": dataset or data.name,
        "nodes": N,
        "edges": data.num_edges,
        "features": data.num_features,
        "dimension": D,
        "rankme": 6.54,
        "probe": probe,
        "evaluation": {
            name: {
                "linear_probe": {
                    "mean": one["accuracy"],
                    "std": one["std"],
                    "values": one["split_accuracies"],
                }
            }
            for name, one in probe.items()
        },
        "steps": steps,
        "curves": {
            "loss": list(np.linspace(9.25, 1.125, steps)),
            "rankme": [2.0, float("nan"), *np.linspace(3, 6.5, steps)][:steps],
            "rankme_cap": [float(min(N, D))] * steps,
        },
        "seconds": {"loading": 1.5, "training": 20.25, "report": 2.0, "total": 24.5},
        "resumed_at_step": 0,
    }
    return ReportContent(
        metrics=metrics,
        class_names=data.class_names,
        configuration={"dataset": dataset or data.name, "units": [16, D], "lambda": None},
        versions=report_data.versions(),
        correlations=(report_data.correlation(C * 0.5), report_data.correlation(C)),
        projection=report_data.projection(embeddings, data, seed=0),
        spectra=report_data.spectra(embeddings, untrained, seed=0),
    )


class Page(HTMLParser):
    """Elements, attributes and texts of a page; refuses tags that do not match.

    Attributes:
        elements: (name, attributes) in order.
        texts: (name of the element around it, text).
    """

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self._open = [], [], []
        self.feed(text)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs), (tag, attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self._open[-1] if self._open else "", data))

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def visible(self):
        return " ".join(text for tag, text in self.texts if tag not in ("script", "style"))

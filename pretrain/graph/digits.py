"""The embedded data set: handwritten digits as a nearest-neighbour graph."""

import numpy as np

from ..errors import InputError
from .data import GraphData, make_graph_data


def load_digits_graph(knn: int = 10) -> GraphData:
    """Builds the graph of scikit-learn's 1,797 handwritten digits (8 x 8 pixels, 10 classes).

    Features are the 64 pixels divided by 16, in [0, 1]. Every image is linked with the `knn`
    images of the highest cosine similarity; a link that one end chose counts for both.

    Args:
        knn: neighbours that each image chooses, in [1, 1796].

    Raises:
        InputError: `knn` out of range.

    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998
    (its test part), shipped with scikit-learn.
    """
    # Here, not above: planetoid and npz need no scikit-learn, and it takes a second to import.
    from sklearn.datasets import load_digits
    from sklearn.neighbors import kneighbors_graph

    pixels, labels = load_digits(return_X_y=True)
    features = (pixels / 16.0).astype(np.float32)
    if not 1 <= knn < len(features):
        raise InputError(f"knn: expected an integer in [1, {len(features) - 1}], got {knn}")
    neighbours = kneighbors_graph(features, knn, metric="cosine", include_self=False).tocoo()
    edge_index = np.stack([neighbours.row, neighbours.col])
    return make_graph_data(name="digits", features=features, edge_index=edge_index, labels=labels)

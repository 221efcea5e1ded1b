"""The embedded data set: handwritten digits as a nearest-neighbour graph."""

import numpy as np

from ..errors import InputError
from .data import GraphData, make_graph_data

_NEAREST = 7  # neighbours that tell how dense the images lie


def load_digits_graph(knn: int = 10) -> GraphData:
    """Builds the graph of scikit-learn's 1,797 handwritten digits (8 x 8 pixels, 10 classes).

    Features are the 64 pixels divided by 16, in [0, 1]. Every image is linked with the `knn`
    images of the highest cosine similarity; a link that one end chose counts for both. Its weight
    is ``exp(1 - d^2 / (s_i s_j))``, d the distance of the two images, scaled to length 1, and s_i
    the root mean square of d to the seven nearest of image i: links into another region, which
    images with no close neighbours have chosen, weigh little.

    Args:
        knn: neighbours that each image chooses, in [1, 1796].

    Raises:
        InputError: `knn` out of range.

    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998
    (its test part), shipped with scikit-learn. Of the weights: Zelnik-Manor and Perona 2004,
    Self-tuning spectral clustering, section 2, with a mean in place of the seventh distance.
    """
    # Here, not above: planetoid and npz need no scikit-learn, and it takes a second to import.
    from sklearn.datasets import load_digits
    from sklearn.neighbors import NearestNeighbors

    pixels, labels = load_digits(return_X_y=True)
    features = (pixels / 16.0).astype(np.float32)
    if not 1 <= knn < len(features):
        raise InputError(f"knn: expected an integer in [1, {len(features) - 1}], got {knn}")
    distances, neighbours = (
        NearestNeighbors(n_neighbors=knn, metric="cosine").fit(features).kneighbors()
    )
    squares = 2 * distances  # of rows of length 1
    scales = np.sqrt(squares[:, :_NEAREST].mean(axis=1))
    weights = np.exp(1 - squares / (scales[:, np.newaxis] * scales[neighbours]))
    return make_graph_data(
        name="digits",
        features=features,
        edge_index=np.stack([np.repeat(np.arange(len(features)), knn), neighbours.ravel()]),
        edge_weight=weights.ravel(),
        labels=labels,
    )

"""Speed of the metrics against upstream's."""

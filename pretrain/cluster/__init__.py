"""What Apache Beam spreads over workers: sampling subgraphs, and embedding them."""

"""Speed of the corruptions against upstream's and plain formulas."""

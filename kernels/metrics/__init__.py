"""Measures of representations, equal to `reference.metrics`."""

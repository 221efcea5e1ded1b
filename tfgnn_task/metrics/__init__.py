"""Keras metrics of representations and of two views."""

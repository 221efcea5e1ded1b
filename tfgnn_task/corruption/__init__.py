"""Keras layers that corrupt a GraphTensor, and what says which features and sets."""

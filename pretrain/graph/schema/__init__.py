"""Graphs of a TF-GNN schema: ``graph_schema.pbtxt`` and the tables that it names."""

"""A graph in memory: readers of every format, checks, adjacency, GraphTensor."""

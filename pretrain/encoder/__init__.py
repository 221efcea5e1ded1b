"""From a graph to representations: layers, encoders, their first weights."""

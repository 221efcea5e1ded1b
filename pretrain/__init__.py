"""From a graph to evaluated embeddings; the command line is `cli`, the job itself `job`."""

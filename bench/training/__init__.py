"""Speed of training: steps against upstream's task, epochs against PyTorch Geometric's."""

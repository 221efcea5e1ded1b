"""Speed and memory of the loss against named peers."""

"""Files that other projects write, to the parts of a graph under our own names."""

"""The encoder of several channels: own features, those of neighbours, each relation by itself."""

"""The encoder of few features: statistics of each neighbourhood through one wide random layer."""

"""The loss of the global batch under a `tf.distribute` strategy."""

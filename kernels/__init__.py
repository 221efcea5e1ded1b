"""The fast paths. Import the module you need: only some of them load TensorFlow."""

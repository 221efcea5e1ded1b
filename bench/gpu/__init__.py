"""The loss on a GPU where TensorFlow is not installed, in two halves: `export` here, `run` there.

`python -m bench.gpu.export --output FOLDER` needs TensorFlow and no GPU: it writes the programs
that XLA is given, with a reference in float64. `python bench/gpu/run.py FOLDER` needs JAX and no
TensorFlow: it compiles the programs for the device at hand, checks them and times them beside their
rivals. docs/results/benchmarks.md shows the rows.
"""

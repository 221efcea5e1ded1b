"""Mutants: one planted fault at a time, and whether the tests notice.

    python -m tests.mutants --map       # once: which test runs which line (a run of the fast layer)
    python -m tests.mutants             # 200 faults chosen by a seed; exit code 1 below 90 % killed

`faults` lists what can be planted where, and chooses; `covering` knows which tests run a line;
`judge` plants a fault in a copy of the tree and runs these tests; `summary` counts; `explained`
holds the survivors that are no fault, with the reason.

Why no library (looked at: mutmut 3.8, cosmic-ray 8.7):

* mutmut puts all variants of a function into its module, behind a decorator that picks one when the
  function is called. It leaves decorated functions and module constants out: every Numba kernel is
  decorated, AutoGraph and `tf.custom_gradient` would see the wrapper, and Numba's cache on disk
  would not see which variant is on.
* cosmic-ray rewrites the file in the working tree and starts the test command anew for each mutant.
  TensorFlow takes six seconds to import, so 200 mutants wait for 20 minutes of imports, and it has
  no notion of the tests that run a line.
* Both leave Numba's cache alone, which does not see a change in another file than the function's.

Here one process imports TensorFlow once, before any op has run, and forks a child per mutant. The
fault is written into a copy of the tree: so AutoGraph, `inspect`, Numba and child processes read it
as well, and the working tree is never touched and may be edited meanwhile.
"""

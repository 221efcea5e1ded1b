"""What survives without being a fault: constants of speed alone, and explained survivors."""

from __future__ import annotations

from typing import NamedTuple

# Names, by file, whose value decides how fast a result comes and not which: statements that hold
# one are left alone. The tests force both sides of each.
EQUAL_PATHS: dict[str, dict[str, str]] = {
    "kernels/loss/numba/plan.py": {
        "serial_work": "below it one thread does what several would",
        "serial_elements": "below it one thread does what several would",
        "block_bytes": "rows are taken in blocks of about this size",
        "block_rows": "rows are taken in blocks of at least and at most these sizes",
        "panel_width": "columns are taken in panels of about this size",
        "panel_bytes": "columns are taken in panels of about this size",
    },
    "kernels/loss/numba/memory.py": {
        "_RECYCLED": "memory is recycled between these sizes and new beyond",
        "_MOST_KEPT": "so much memory waits to be used again",
        "_ALIGNMENT": "TensorFlow copies what does not begin at such an address",
    },
    "kernels/linalg.py": {"_BLOCK_ROWS": "rows are taken in blocks of this size"},
    "kernels/context.py": {"NUMBA_WORK": "from here on the call to the host pays"},
    "kernels/sorting.py": {
        "_ROWS_TO_SORT": "from here on rows are sorted in buckets, with the same result",
        "_ROWS_TO_CHOOSE_FROM": "from here on rows are chosen by a histogram, with the same result",
        "BUCKET_ROWS": "from here on rows go into buckets, with the same result",
    },
    "kernels/metrics/spectrum_host.py": {
        "_THREADED_SIDE": "below it one thread does what several would",
        "_FLOAT32_ENTRIES": "below it float64 costs nothing",
    },
    "kernels/metrics/host_products.py": {
        "_SERIAL_WORK": "below it one thread does what several would",
        "_PANEL": "columns are taken in panels of this size",
        "_BLOCK": "rows are taken in blocks of this size",
    },
    "kernels/metrics/views.py": {"_BLOCK": "rows are taken in blocks of this size"},
    "kernels/loss/xla.py": {
        "_SIZES_PER_OCTAVE": "how finely numbers of rows are rounded up; padding changes no result",
        "_SMALLEST_BUCKET": "the least number of rows; padding changes no result",
    },
}


class Explained(NamedTuple):
    """A survivor that is no fault.

    Attributes:
        file: where it is.
        line: the line of code, without its indentation.
        change: as the run prints it: "old -> new".
        reason: why no test can notice it.
    """

    file: str
    line: str
    change: str
    reason: str


SURVIVORS: list[Explained] = [
    Explained(
        "kernels/random.py",
        "if ids.dtype.is_unsigned:",
        "ids.dtype.is_unsigned -> not (ids.dtype.is_unsigned)",
        "the cast wraps negative numbers on CPUs as the bitcast does; the branch is for devices"
        " where that is not defined",
    ),
    Explained(
        "kernels/corruption/graph.py",
        "tf.bitwise.left_shift(tf.minimum(source, target), tf.constant(32, tf.uint64)),",
        "32 -> 31",
        "numbers of nodes are below 2**31, so 31 bits tell pairs apart as well",
    ),
    Explained(
        "kernels/loss/entry.py",
        "return barlow_twins_loss_numba(z_a, z_b, lambda_, sample_weight, options, path)",
        "z_a, z_b -> z_b, z_a",
        "the loss is symmetric, and each gradient goes to its own tensor",
    ),
    Explained(
        "kernels/loss/xla.py",
        "z_a, z_b, sample_weight = _pad_rows(z_a, z_b, sample_weight)",
        "z_a, z_b -> z_b, z_a",
        "the loss is symmetric, and each gradient goes to its own tensor",
    ),
    Explained(
        "reference/metrics/views.py",
        "A, B, normalize_batch=normalize_batch, sample_weight=w, epsilon=epsilon, ddof=ddof",
        "A, B -> B, A",
        "the transposed matrix has the same diagonal and the same mean square beside it",
    ),
    Explained(
        "kernels/loss/xla.py",
        "few_rows = bool(few_rows)",
        "few_rows = bool(few_rows) -> pass",
        "saves a branch; a tensor chooses the same",
    ),
    Explained(
        "kernels/loss/numba/columns.py",
        "b2 = b[i + 2, :n]",
        "n -> (n) + 1",
        "the loop reads the first n",
    ),
    Explained(
        "kernels/loss/numba/direct.py",
        "results = (buffers[len(calls)], mean_a, mean_b, W_b, sums[p], C[p])",
        "p -> p - 1",
        "each part has sums of its own all the same, and they are added up",
    ),
    Explained(
        "kernels/loss/numba/direct_kernels.py",
        "q_b += q[t, 1, j]",
        "t -> t - 1",
        "all parts are added up, whichever comes first",
    ),
    Explained(
        "kernels/loss/numba/gram_kernels.py",
        "row = z[i]",
        "i -> i - 1",
        "every row has its turn, whichever comes first",
    ),
    Explained(
        "kernels/loss/numba/plan.py",
        "rows = min(max(machine.block_bytes // (2 * d * itemsize), least), most)",
        "* -> /",
        "blocks of other sizes give the same",
    ),
    Explained(
        "kernels/sorting.py",
        "if compiled_by_xla():",
        "compiled_by_xla() -> not (compiled_by_xla())",
        "in inverse_permutation: both branches give the inverse, each soon where it is taken",
    ),
    Explained(
        "kernels/loss/replicas/direct.py",
        "for z, m in zip((z_a, z_b), centers, strict=True)",
        "True -> False",
        "both have two entries, by their annotations",
    ),
    Explained(
        "kernels/team.py",
        "while self._workers < len(calls) - 1:",
        "1 -> 0",
        "a thread more than needed waits for work",
    ),
    Explained(
        "kernels/metrics/formulas.py",
        "found = spectrum(X, row_weights(sample_weight, X), leverage=False)",
        "False -> True",
        "computes what nobody asked for",
    ),
    Explained(
        "kernels/metrics/spectrum_host.py",
        "if not serial:",
        "not serial -> serial",
        "the same numbers from another number of threads",
    ),
    Explained(
        "tfgnn_task/corruption/padding.py",
        "return tf.zeros([0], tf.bool)",
        "0 -> 1",
        "one more False is no entry that is seen",
    ),
    Explained(
        "tfgnn_task/corruption/padding.py",
        "indices = tf.where(flags, tf.range(tf.size(flags)), -1)",
        "1 -> 2",
        "the maximum is taken with -1",
    ),
    Explained(
        "tfgnn_task/task.py",
        "return x, tf.zeros((inputs.num_components, 0), dtype=tf.int32)",
        "tf.zeros -> tf.ones",
        "an array without entries",
    ),
    Explained(
        "kernels/blas.py",
        "size[1:].ctypes,",
        "1 -> 2",
        "of syrk: its only callers have panels without gaps, so that the leading dimension is k",
    ),
]

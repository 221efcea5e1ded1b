"""Many fits in one process do not grow it."""

import sys

import pytest

from tests.fresh_process import run_python

SCRIPT = """
import gc, os
import numpy as np
from graph_barlow_twins import GraphBarlowTwins

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

rng = np.random.default_rng(0)
X, edges = rng.random((500, 64)).astype(np.float32), rng.integers(0, 500, (2, 3000))
model = GraphBarlowTwins(encoder=os.environ["ENCODER"], steps=5, units=[32], verbose=False)
after = [model.fit(X, edges) and resident() for _ in range(10)]
print(after[9] - after[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the resident memory from /proc")
@pytest.mark.parametrize("encoder", ["linear", "gcn"])
def test_ten_fits(encoder):
    assert float(run_python(SCRIPT, ENCODER=encoder)) < 60

"""10,000 steps through the runner: memory stays, and nothing is traced again."""

import json

import pytest

from tests.fresh_process import run_python

STEPS = 10_000
# A leak of one number per step and row would be 8 bytes * 8 rows * 9,500 steps = 0.6 MB; of one
# representation per step 1 MB; of one batch per step 30 MB. Allocators come and go by a few MB.
MOST_GROWTH_MB = 8

CODE = """
import json, os, tempfile
import graph_barlow_twins.tfgnn_task as ours
import tensorflow as tf
from tests.task.production_runs import SPEC, Provider, run
from tensorflow.python.framework import func_graph
from tensorflow_gnn import runner
from tests.task.graphs import dropout, make_encoder

traces = 0
trace = func_graph.func_graph_from_py_func
def counted(*args, **kwargs):
    global traces
    traces += 1
    return trace(*args, **kwargs)
func_graph.func_graph_from_py_func = counted

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

seen = {"traces": {}, "mb": {}}
class Watch(tf.keras.callbacks.Callback):
    step = 0
    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        if self.step in (1, 20, STEPS):
            seen["traces"][self.step] = traces
        if self.step % 500 == 0:
            seen["mb"][self.step] = resident_mb()

def tight():
    return runner.TightPadding(SPEC, Provider())

task = ours.BarlowTwinsTask("node", corruptor=(dropout(1), dropout(2)), projector="8-8")
folder = tempfile.mkdtemp()
run(
    task,
    folder,
    global_batch_size=8,
    epochs=10,
    train_padding=tight(),
    optimizer_fn=lambda: ours.skip_nonfinite_steps(tf.keras.optimizers.Adam(1e-3)),
    trainer=runner.KerasTrainer(
        tf.distribute.get_strategy(),
        model_dir=folder,
        steps_per_epoch=STEPS // 10,
        verbose=0,
        summarize_every_n_steps="never",
        checkpoint_every_n_steps="never",
        backup_and_restore=False,
        callbacks=[Watch()],
    ),
)
print(json.dumps(seen))
"""


@pytest.mark.slow
def test_ten_thousand_steps():
    code = CODE.replace("STEPS", str(STEPS))
    seen = json.loads(run_python(code).splitlines()[-1])
    traces, megabytes = seen["traces"], list(seen["mb"].values())
    assert len(megabytes) == STEPS // 500
    assert traces["1"] > 10  # the count does count
    assert traces[str(STEPS)] == traces["20"]
    growth = max(megabytes[1:]) - megabytes[0]
    assert growth < MOST_GROWTH_MB, megabytes

"""The README's example runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"

DRIVER = """
graph = tfgnn.homogeneous(
    source=tf.constant([0, 1, 2, 3]), target=tf.constant([1, 2, 3, 0]),
    node_features={"features": tf.random.normal([4, 8])})

class Provider(runner.DatasetProvider):
    def get_dataset(self, context):
        return tf.data.Dataset.from_tensors(graph).repeat(256)

import sys
result = train(Provider(), graph.spec.relax(num_nodes=True, num_edges=True), sys.argv[1])
saved = tf.saved_model.load(sys.argv[1] + "/export")
assert "serving_default" in saved.signatures
"""


def example():
    (code,) = re.findall(r"<!-- ci: example -->\n```python\n(.*?)```", README.read_text(), re.S)
    return code


def test_example_is_python_that_the_driver_can_use():
    names = compile(example() + DRIVER, "README.md", "exec").co_names
    assert {"train", "tf", "tfgnn", "runner"} <= set(names)


@pytest.mark.slow
def test_example_trains_and_exports(tmp_path):
    script = tmp_path / "example.py"
    script.write_text(example() + DRIVER)
    done = subprocess.run(
        [sys.executable, script, tmp_path / "model"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]

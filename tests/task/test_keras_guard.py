"""Keras 2 is selected by itself; where Keras 3 is loaded already, the error says what to do."""

import os
import subprocess
import sys

import graph_barlow_twins  # noqa: F401  (before TensorFlow: it selects Keras 2)
import pytest
import tensorflow as tf
from graph_barlow_twins.tfgnn_task.keras_guard import require_keras_2


def run_python(code, **environment):
    """Runs code in a fresh interpreter; ``TF_USE_LEGACY_KERAS`` only as given."""
    env = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    env |= {"TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=300, check=False
    )


PRINT_VARIABLE = "import os; print(os.environ.get('TF_USE_LEGACY_KERAS'))"


@pytest.mark.parametrize("package", ["graph_barlow_twins", "graph_barlow_twins.reference"])
def test_importing_the_package_first_sets_the_variable(package):
    result = run_python(f"import {package}; {PRINT_VARIABLE}")
    assert result.stdout.strip() == "1"


def test_a_variable_that_is_set_is_left_alone():
    result = run_python(f"import graph_barlow_twins; {PRINT_VARIABLE}", TF_USE_LEGACY_KERAS="0")
    assert result.stdout.strip() == "0"


def test_with_tensorflow_loaded_the_variable_would_come_too_late():
    code = "import sys, types; sys.modules['tensorflow'] = types.ModuleType('tensorflow');"
    result = run_python(f"{code} import graph_barlow_twins; {PRINT_VARIABLE}")
    assert result.stdout.strip() == "None"


@pytest.mark.slow
def test_importing_the_package_before_tensorflow_is_enough():
    result = run_python(
        "import graph_barlow_twins, tensorflow as tf\n"
        "import graph_barlow_twins.tfgnn_task\n"
        "print(tf.keras.layers.Layer.__module__)"
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().startswith("tf_keras.")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "environment"),
    [
        ("import tensorflow as tf; tf.keras.layers", {"TF_USE_LEGACY_KERAS": "0"}),
        ("", {"TF_USE_LEGACY_KERAS": "0"}),
        ("import tensorflow as tf; tf.keras.layers", {}),
    ],
    ids=["switched off", "switched off, not loaded", "TensorFlow first"],
)
def test_keras_3_is_an_import_error_that_names_the_variable(code, environment):
    result = run_python(f"{code}\nimport graph_barlow_twins.tfgnn_task", **environment)
    assert result.returncode == 1
    last_line = result.stderr.strip().splitlines()[-1]
    assert last_line.startswith("ImportError: graph_barlow_twins.tfgnn_task needs Keras 2")
    assert "TF_USE_LEGACY_KERAS=1" in last_line


def test_the_guard_looks_at_the_layers_of_keras(monkeypatch):
    require_keras_2()
    monkeypatch.setattr(tf.keras.layers, "Layer", type("Layer", (), {"__module__": "keras.src"}))
    with pytest.raises(ImportError, match=r"has loaded Keras 3.*TF_USE_LEGACY_KERAS=1"):
        require_keras_2()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="run `pip install tf-keras`"):
        require_keras_2()

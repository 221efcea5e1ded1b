"""Code that needs an interpreter of its own."""

import os
import subprocess
import sys


def run_python(code, **environment):
    """What the code prints; it should end without an error."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()

"""Systems that are not Linux: the package asks for nothing that they lack."""

import pytest

from tests.fresh_process import run_python


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_all_modules_and_the_main_job_elsewhere(platform, tmp_path):
    """No modules, functions and signals of POSIX; Windows moves nothing that is open."""
    code = f"""
import os
os.chdir({str(tmp_path)!r})
from tests.architecture import elsewhere
print(elsewhere.run({platform!r}) > 100)
from graph_barlow_twins.pretrain.cli.main import main
print(elsewhere.work(main))
"""
    # Where UTF-8 is not the default, nor taken for granted.
    said = run_python(code, PYTHONWARNDEFAULTENCODING="1", PYTHONUTF8="0", LC_ALL="C")
    assert said.split("\n")[0] == "True"
    assert said.split("\n")[-1] == "(None, [])"

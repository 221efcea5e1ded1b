"""Trouble with the disk is recognised whoever reports it, and nothing else is taken for it."""

import errno

import graph_barlow_twins  # noqa: F401 - before TensorFlow: it selects Keras 2
import pytest
import tensorflow as tf
from graph_barlow_twins.pretrain.output.disk import disk_error
from graph_barlow_twins.pretrain.output.paths import without_patterns


def test_of_the_system():
    error = OSError(errno.ENOSPC, "full", "place")
    assert disk_error(error) is error


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.ENOENT, errno.EACCES])
def test_of_tensorflow(tmp_path, code):
    words = {errno.ENOENT: "No such file or directory", errno.ENOSPC: "No space left on device"}
    words |= {errno.EROFS: "Read-only file system", errno.EACCES: "Permission denied"}
    found = disk_error(tf.errors.UnknownError(None, None, f"{tmp_path}; {words[code]} [Op:SaveV2]"))
    assert (found.errno, found.strerror) == (code, words[code])
    assert disk_error(RuntimeError(words[code])) is None
    assert disk_error(tf.errors.InvalidArgumentError(None, None, "shapes do not fit")) is None


@pytest.mark.parametrize("name", ["run [1]", "a*", "what?", "back\\slash"])
def test_names_that_tensorflow_takes_for_patterns(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "file").write_text("mine")
    with without_patterns(tmp_path / name) as folder:
        assert not set(str(folder)) & set("[]*?\\")
        assert tf.io.gfile.glob(f"{folder}/*") == [f"{folder}/file"]
        assert (folder / "file").read_text() == "mine"
    assert (tmp_path / name / "file").read_text() == "mine"
    assert not folder.exists()
    with without_patterns(tmp_path) as folder:
        assert folder == tmp_path

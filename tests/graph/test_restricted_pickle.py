"""Data pickles load; programs in pickles do not run."""

import collections
import os
import pickle
import struct

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph.pickles.restricted import (
    RefusedPickleError,
    restricted_load,
    restricted_loads,
)

PROTOCOLS = (2, 3, 4, 5)


class Call:
    """Pickles as a call of `function(*args)`."""

    def __init__(self, function, *args):
        self.parts = function, args

    def __reduce__(self):
        return self.parts


@pytest.mark.parametrize("protocol", [0, 1, *PROTOCOLS])
@pytest.mark.parametrize("dtype", ["<i4", ">i4", "<f4", "<f8", ">f8", "<i8", "u1", "<f2"])
def test_arrays_come_back(protocol, dtype):
    array = np.arange(12).astype(dtype).reshape(3, 4)
    for written in (array, np.asfortranarray(array), array[:0], array[:, :1]):
        read = restricted_loads(pickle.dumps(written, protocol))
        assert read.dtype == np.dtype(dtype).newbyteorder("=")
        np.testing.assert_array_equal(read, written)
        read[...] = 0  # in memory of its own, writable


@pytest.mark.parametrize("protocol", [0, 1, *PROTOCOLS])
def test_csr_comes_back(protocol):
    matrix = scipy.sparse.random(7, 5, 0.4, format="csr", random_state=0, dtype=np.float32)
    read = restricted_loads(pickle.dumps(scipy.sparse.csr_matrix(matrix), protocol))
    assert scipy.sparse.issparse(read)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read.toarray(), matrix.toarray())


@pytest.mark.parametrize("protocol", [0, 1, *PROTOCOLS])
@pytest.mark.parametrize("kind", [dict, collections.OrderedDict, "defaultdict"])
def test_dicts_come_back_as_plain_dicts(protocol, kind):
    links = {0: [1, 2], 1: [0], 2: [0, 2**40]}
    written = collections.defaultdict(list, links) if kind == "defaultdict" else kind(links)
    read = restricted_loads(pickle.dumps(written, protocol))
    assert type(read) is dict
    assert read == links


def test_python_2_array():
    # What Python 2 with NumPy 1 wrote for np.array([1, -2], dtype="<i4").
    content = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b"
        b"\x87Rq\x03(K\x01K\x02\x85cnumpy\ndtype\nq\x04U\x02i4K\x00K\x01\x87Rq\x05(K\x03U\x01<NNN"
        b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x08\x01\x00\x00\x00\xfe\xff\xff\xfftb."
    )
    np.testing.assert_array_equal(restricted_loads(content), [1, -2])


def test_cora_files_load(planetoid_dir):
    x = restricted_load(planetoid_dir / "ind.cora.x")
    assert x.shape == (140, 1433)
    assert set(x.data) == {1.0}
    assert restricted_load(planetoid_dir / "ind.cora.y").sum() == 140
    assert restricted_load(planetoid_dir / "ind.cora.graph")[0] == [633, 1862, 2582]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("wrap", ["alone", "in a list", "as a key", "as a dict value"])
def test_a_call_is_refused_and_not_made(tmp_path, protocol, wrap):
    target = tmp_path / "made"
    call = Call(os.mkdir, str(target))
    value = {
        "alone": call,
        "in a list": [call],
        "as a key": {call: 1},
        "as a dict value": {0: call},
    }
    content = pickle.dumps(value[wrap], protocol)
    with pytest.raises(RefusedPickleError, match=r"evil: refused to load (posix|nt)\.mkdir"):
        restricted_loads(content, source="evil")
    assert not target.exists()
    pickle.loads(content)
    assert target.exists(), "the pickle must be live, or this test shows nothing"


# Written by hand: no pickler writes these.
LOADS_NUMPY = b"cnumpy.core.multiarray\n_reconstruct\n"


@pytest.mark.parametrize(
    ("content", "refused"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", r"os\.system"),
        (b"cbuiltins\neval\n(S'1'\ntR.", r"builtins\.eval"),
        (b"c__builtin__\neval\n(S'1'\ntR.", r"__builtin__\.eval"),
        (b"(S'1'\ni__builtin__\neval\n.", r"__builtin__\.eval"),
        (b"cbuiltins\ngetattr\n.", r"builtins\.getattr"),
        (b"cnumpy\nload\n.", r"numpy\.load"),
        (b"cnumpy\nfromfile\n.", r"numpy\.fromfile"),
        (b"ccopyreg\n__newobj__\n.", r"copyreg\.__newobj__"),
        (
            b"ccopyreg\n_reconstructor\n(cnumpy\nndarray\nc__builtin__\nobject\nNtR.",
            "anything but a sparse",
        ),
        (
            b"ccopyreg\n_reconstructor\n(cscipy.sparse._csr\ncsr_matrix\nc__builtin__\nlist\nNtR.",
            "anything but a sparse",
        ),
        (
            b"ccopy_reg\n_reconstructor\n(cscipy.sparse.csr\ncsr_matrix\nc__builtin__\nobject\n"
            b"S'x'\ntR.",
            "anything but a sparse",
        ),
        (b"c__builtin__\nobject\n(tR.", r"call builtins\.object"),
        # A dotted name reaches attributes of what is admitted, from protocol 4 on.
        (b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.", r"numpy\.ndarray\.tofile"),
        (b"\x80\x04\x8c\x0bcollections\x8c\x0cabc.sys.exit\x93.", r"collections\.abc\.sys\.exit"),
        # Admitted callables with arguments that the format has no use for.
        (LOADS_NUMPY + b"(c__builtin__\nlist\n(I0\ntS'b'\ntR.", "_reconstruct of anything but"),
        (LOADS_NUMPY + b"(cnumpy\ndtype\n(I0\ntS'b'\ntR.", "_reconstruct of anything but"),
        (b"ccollections\ndefaultdict\n(cnumpy\ndtype\ntR.", "factory other than list"),
        (b"ccollections\ndefaultdict\n(ccollections\ndefaultdict\ntR.", "factory other than list"),
        (b"ccollections\ndefaultdict\n(c__builtin__\neval\ntR.", r"__builtin__\.eval"),
        (b"c__builtin__\nbytes\n(I9\ntR.", r"builtins\.bytes with arguments"),
        (b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.", "encoding 'rot13'"),
        (b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR.", "dtype 'O8'"),
        (b"cnumpy\ndtype\n(S'V8'\nI0\nI1\ntR.", "dtype 'V8'"),
        (b"cnumpy\ndtype\n((lS'i4'\ntR.", "dtype"),
        # Setting attributes of the functions themselves.
        (LOADS_NUMPY + b"}S'__defaults__'\nNsb.", "change a function"),
        (LOADS_NUMPY + b"(N}S'__defaults__'\nNstb.", "change a function"),
    ],
)
def test_abuse_is_refused_by_name(content, refused):
    with pytest.raises(RefusedPickleError, match=refused):
        restricted_loads(content)


def test_object_array_is_refused():
    with pytest.raises(RefusedPickleError, match="dtype 'O8'"):
        restricted_loads(pickle.dumps(np.array([[], 1], dtype=object)))


def test_structured_array_is_refused():
    with pytest.raises(RefusedPickleError, match="dtype 'V8'"):
        restricted_loads(pickle.dumps(np.zeros(2, dtype="i4,f4")))
    # The same through the state of an innocent dtype.
    state = b"(I3\nS'|'\nN(S'a'\nt}I8\nI1\nI0\ntb."
    with pytest.raises(RefusedPickleError, match="structured"):
        restricted_loads(b"cnumpy\ndtype\n(S'i4'\nI0\nI1\ntR" + state)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a pickle",
        b"\x80\x02",
        b"\x80\x02.",
        b"\x82\x01.",  # the extension registry
        b"Pid\n.",  # a persistent id
        b"\x80\x02cnumpy\nndarray\n)\x81.",  # an array without content
        b"\x80\x02cscipy.sparse.csr\ncsr_matrix\n)\x81}b.",
        b"\x80\x02cnumpy\nndarray\n}b.",  # state set on the class
        b"\x80\x02cnumpy\nndarray\n(N}U\x05value K\x01stb.",
    ],
)
def test_corrupt_content_gives_one_line(content):
    with pytest.raises(InputError, match=r"^file: ") as caught:
        restricted_loads(content, source="file")
    assert "\n" not in str(caught.value)


def test_every_truncation_is_an_input_error():
    matrix = scipy.sparse.csr_matrix(np.eye(3, dtype=np.float32))
    for value in (matrix, collections.defaultdict(list, {0: [1, 300], 1: [0]})):
        content = pickle.dumps(value, 2)
        for length in range(len(content)):
            with pytest.raises(InputError):
                restricted_loads(content[:length])


def test_numbers_in_the_file_do_not_decide_how_much_memory_is_taken():
    memo = b"\x80\x02]r" + struct.pack("<I", 2**32 - 16) + b"."
    with pytest.raises(RefusedPickleError, match="memo slot 4294967280"):
        restricted_loads(memo)
    content = pickle.dumps(np.zeros(3, dtype="<i4"), 2)
    assert content.count(b"K\x03\x85") == 1
    with pytest.raises(InputError, match="12 bytes for int32"):
        restricted_loads(content.replace(b"K\x03\x85", b"J\xff\xff\xff\x7f\x85"))


@pytest.mark.parametrize("part", ["indices", "indptr"])
def test_csr_that_points_outside_is_refused(part):
    matrix = scipy.sparse.csr_matrix(np.eye(3, dtype=np.float32))
    getattr(matrix, part)[1] = 1000
    with pytest.raises(InputError, match="CSR parts do not make a matrix"):
        restricted_loads(pickle.dumps(matrix, 2))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*nowhere: No such file"):
        restricted_load(tmp_path / "nowhere")
    with pytest.raises(InputError, match="cannot read"):
        restricted_load(tmp_path)

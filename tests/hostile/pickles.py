"""Pickles that no pickler writes: each kind of trap, in each place where an object may stand."""

import itertools
import pickle
import struct

import numpy as np
import scipy.sparse

RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
INT4 = (
    b"cnumpy\ndtype\n(U\x02i4K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
)
NAMES = (
    ("os", "system"),
    ("posix", "system"),
    ("builtins", "eval"),
    ("builtins", "getattr"),
    ("__builtin__", "open"),
    ("subprocess", "Popen"),
    ("copyreg", "_reconstructor"),
    ("numpy", "load"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy", "ndarray.tofile"),
    ("collections", "abc.sys.exit"),
    ("\x1b[2J", "\x07\u202e"),
    ("a" * 100_000, "b" * 100_000),
)


def unicode(text):
    content = text.encode()
    return b"X" + struct.pack("<I", len(content)) + content


def content(data):
    return b"B" + struct.pack("<I", len(data)) + data


def array(data=bytes(12), shape=b"K\x03\x85", dtype=INT4):
    return RECONSTRUCT + b"(K\x01" + shape + dtype + b"\x89" + content(data) + b"tb"


def csr(data, indices, indptr, shape):
    parts = zip(
        ("data", "indices", "indptr", "_shape"), (data, indices, indptr, shape), strict=True
    )
    state = b"".join(unicode(key) + value for key, value in parts)
    return b"cscipy.sparse.csr\ncsr_matrix\n)\x81}(" + state + b"ub"


def integers(values, code="<i4"):
    values = np.array(values, code)
    return pickle.dumps(values, 2)[2:-1]


def memo(number):
    return b"r" + struct.pack("<I", number), b"j" + struct.pack("<I", number)


def doubled(pair, times=60):
    """Something that unfolds to 2**times parts."""
    return b"N" + b"".join(put + get + pair for put, get in map(memo, range(times)))


def objects():
    """Each is put on the stack by its code, and is a trap for whoever looks into it."""
    deep = 200_000
    return {
        "deep tuple": b")" + b"\x85" * deep,
        "deep list": b"]" * 10_000 + b"a" * 9_999,
        "deep dict": b"}K\x00" * 10_000 + b"Ns" * 10_000,
        "deep marks": b"(" * deep + b"t" * deep,
        "shared tuples": doubled(b"\x86"),
        "shared lists": b"]" + b"".join(b"r" + p + b"]j" + p + b"aj" + p + b"a" for p in slots(60)),
        "wide tuple": b"(" + b"N" * 300_000 + b"t",
        "wide list": b"](" + b"N" * 300_000 + b"e",
        "itself": b"]q\x00h\x00a",
        "huge integer": b"\x8b" + struct.pack("<i", 1_000_000) + b"\x7f" * 1_000_000,
        "integer of 255 bytes": b"\x8a\xff" + b"\x7f" * 255,
        "integer of a million digits": b"L" + b"9" * 1_000_000 + b"L\n",
        "text integer of a million digits": b"I" + b"9" * 1_000_000 + b"\n",
        "negative length": b"\x8b\xff\xff\xff\xff",
        "float of a million digits": b"F" + b"9" * 1_000_000 + b"\n",
        "long string": b"X" + struct.pack("<I", 1_000_000) + b"\x1b" * 1_000_000,
        "half surrogate": b"X\x03\x00\x00\x00\xed\xb0\x80",
        "array of nothing": b"cnumpy\nndarray\n)\x81",
    }


def slots(count):
    return (struct.pack("<I", number) for number in range(count))


def places(trap):
    """Where an object may stand."""
    return {
        "alone": trap + b".",
        "as a key": b"}" + trap + b"K\x01s.",
        "as a key of a frozen dict": b"(" + trap + b"K\x01d.",
        "as a value": b"}K\x00" + trap + b"s.",
        "in a row": b"}K\x00]" + trap + b"as.",
        "as arguments": b"cnumpy\ndtype\n" + trap + b"R.",
        "as an argument": b"cnumpy\ndtype\n(" + trap + b"tR.",
        "as a state": INT4 + trap + b"b.",
        "as a shape": array(shape=trap) + b".",
        "as a dtype": array(dtype=trap) + b".",
        "as a byte order": INT4[: INT4.index(b"(K\x03")] + b"(K\x03" + trap + b"NNNtb.",
        "as a function": trap + b")R.",
        "as a name": b"X\x02\x00\x00\x00os" + trap + b"\x93.",
        "as pairs": b"ccollections\nOrderedDict\n" + trap + b"\x85R.",
        "as a factory": b"ccollections\ndefaultdict\n" + trap + b"\x85R.",
        "as an encoding": b"c_codecs\nencode\nU\x01a" + trap + b"\x86R.",
        "as the shape of a csr": csr(*map(integers, ([1], [0], [0, 1])), trap) + b".",
        "as the data of a csr": csr(trap, *map(integers, ([0], [0, 1])), b"K\x01K\x01\x86") + b".",
    }


def others():
    """What is no object in a place."""
    for module, name in NAMES:
        names = module.encode() + b"\n" + name.encode() + b"\n"
        yield f"global {name[:20]!r}", b"c" + names + b"U\x04true\x85R."
        yield f"instance {name[:20]!r}", b"(U\x04truei" + names + b"."
        yield (
            f"stack global {name[:20]!r}",
            b"\x80\x04" + unicode(module) + unicode(name) + b"\x93)R.",
        )
    for slot in (2**32 - 1, 2**31, 10**6):
        yield f"memo slot {slot}", b"]r" + struct.pack("<I", slot) + b"."
        yield f"memo slot {slot} as text", b"]p" + str(slot).encode() + b"\n."
        yield f"empty memo slot {slot}", b"j" + struct.pack("<I", slot) + b"."
    yield "memo slot of many digits", b"]p" + b"9" * 100_000 + b"\n."
    equal_hashes = b"".join(
        b"\x8a\x0a" + (number * (2**61 - 1)).to_bytes(10, "little") + b"N"
        for number in range(20_000)
    )
    yield "keys of one hash", b"}(" + equal_hashes + b"u."
    for code in ("O8", "V8", "U4", "S4", "M8", "c8", "i3", "i4,i4", "(1000000000,)i4", ""):
        dtype = b"cnumpy\ndtype\n" + unicode(code) + b"\x85R"
        yield f"dtype {code}", array(dtype=dtype) + b"."
    yield "structured dtype", array(dtype=INT4[:-4] + b"}K\x00tb") + b"."
    shapes = {
        "negative": b"J\xff\xff\xff\xff\x85",
        "overflow": b"\x8a\x08" + b"\xff" * 7 + b"\x7f" + b"\x85",
        "product": (b"(" + b"J\xff\xff\xff\x7f" * 30 + b"t"),
        "forty": b"(" + b"K\x01" * 40 + b"t",
        "true": b"\x88\x85",
        "float": b"G@\x08\x00\x00\x00\x00\x00\x00\x85",
        "list": b"]K\x03a",
        "none": b"N",
    }
    for name, shape in shapes.items():
        yield f"shape {name}", array(shape=shape) + b"."
    yield "too little data", array(data=bytes(11)) + b"."
    yield "too much data", array(data=bytes(13)) + b"."
    yield "huge shape of no data", array(b"", b"K\x00\x8a\x06\x00\x00\x00\x00\x00\x7f\x86") + b"."
    big = content(bytes(1_000_000)) + b"q\x00"
    again = (
        RECONSTRUCT + b"(K\x01J\x40\x42\x0f\x00\x85" + INT4.replace(b"i4", b"u1") + b"\x89h\x00tb"
    )
    yield "one content in many arrays", big + b"](" + again * 3000 + b"e."
    text = b"T" + struct.pack("<i", 1_000_000) + bytes(1_000_000) + b"q\x00"
    yield (
        "one text encoded often",
        text + b"](" + b"c_codecs\nencode\nh\x00U\x06latin1\x86R" * 5000 + b"e.",
    )
    pairs = b"](" + b"K\x01K\x02\x86" * 10_000 + b"eq\x00"
    yield (
        "one list of pairs often",
        pairs + b"](" + b"ccollections\nOrderedDict\nh\x00\x85R" * 5000 + b"e.",
    )
    row = b"](" + b"K\x01" * 20_000 + b"eq\x00"
    keys = b"".join(b"M" + struct.pack("<H", number) + b"h\x00" for number in range(20_000))
    yield "one list in many rows", row + b"}(" + keys + b"u."
    good = {"data": [1, 1], "indices": [0, 2], "indptr": [0, 1, 2], "shape": b"K\x02K\x03\x86"}
    wrong = {
        "indptr": ([0, 9, 2], [0, -1, 2], [0, 2], [1, 1, 2], [0, 1, 2**31 - 1], [2, 1, 0]),
        "indices": ([0, 3], [-1, 0], [0], [0, 2**31 - 1]),
        "data": ([1], [1, 1, 1], []),
        "shape": (b"K\x02K\x01\x86", b"\x8a\x09" + b"\x00" * 8 + b"\x01K\x03\x86", b"K\x02\x85"),
    }
    for part, values in wrong.items():
        for value in values:
            parts = (good | {part: value}).values()
            code = [one if isinstance(one, bytes) else integers(one) for one in parts]
            yield f"csr {part} {value}", csr(*code) + b"."
    yield from rewritten()
    wide = scipy.sparse.csr_matrix((np.ones(1), [0], [0, 1]), shape=(1, 2**40))
    yield "csr of a declared width", pickle.dumps(wide, 2)
    yield "csr without parts", b"cscipy.sparse.csr\ncsr_matrix\n)\x81}b."
    yield "class with a state", b"cnumpy\nndarray\n}U\x05valueK\x01sb."
    yield "frame beyond the end", b"\x80\x04\x95" + b"\xff" * 8 + b"K\x01."
    for opcode in b"TBX\x8c\x8d\x8e\x96U\x43":
        yield f"length in opcode {opcode:#x}", bytes([opcode]) + b"\xff" * 8 + b"."
    for opcode in range(256):
        yield f"opcode {opcode:#x} alone", bytes([opcode])
        yield (
            f"opcode {opcode:#x} and more",
            b"N(]K\x01" + bytes([opcode]) + b"0\n1\n\x00\x00\x00\x00.",
        )


def rewritten():
    """Matrices of the other layouts, each with a part that lies."""
    tall = scipy.sparse.coo_matrix((np.ones(1), ([0], [0])), (2**40, 3))
    lists = scipy.sparse.lil_matrix((300, 3))
    lists.rows[:], lists.data[:] = [[0] * 5000] * 300, [[1.0] * 5000] * 300  # one list, 300 times
    words = scipy.sparse.lil_matrix((1, 3))
    words.rows[0], words.data[0] = [0], ["1"]
    loop = scipy.sparse.lil_matrix((1, 3))
    loop.rows[0] = loop.rows[0].append(loop.rows[0]) or loop.rows[0]
    for protocol in (2, 5):
        yield f"csr, really a tall coo {protocol}", pickle.dumps(tall, protocol)
        yield f"csr, really a tall csc {protocol}", pickle.dumps(tall.tocsc(), protocol)
        outside = scipy.sparse.coo_matrix((np.ones(1), ([0], [2])), (1, 3))
        outside.col[0] = 2**31 - 1
        yield f"csr, really a coo with an end outside {protocol}", pickle.dumps(outside, protocol)
        for what, one in (("shared lists", lists), ("words", words), ("itself", loop)):
            yield f"csr, really a lil of {what} {protocol}", pickle.dumps(one, protocol)
        objects = np.array([[], 1], object)
        yield f"csr, really objects {protocol}", pickle.dumps(objects, protocol)
        yield f"objects as neighbours {protocol}", pickle.dumps({0: objects}, protocol)


def catalogue():
    """Pairs of a name and a pickle."""
    for (kind, trap), place in itertools.product(objects().items(), places(b"")):
        yield f"{kind} {place}", places(trap)[place]
    yield from others()


def long_programs():
    """Three million steps each."""
    for code in (
        b"N",
        b"}",
        b"]",
        b")",
        b"\x88",
        b"K\x01",
        b"K\x01\x94",
        b"\x94",
        b"U\x02ab",
        b"]N\x85",
    ):
        yield f"many {code!r}", b"N" + code * (3_000_000 // len(code)) + b"."

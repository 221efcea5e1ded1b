"""The innermost loop of sparse products: a weighted sum of rows, which stays in registers.

In Numba's own words each entry of a sparse matrix would read and write the sum in memory, in
vectors half as long as the machine has: twice the time on Cora's words.

Numba keeps compiled callers by the date of their own file: after a change here remove the ``*.nbi``
in ``__pycache__``.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

COLUMNS = 64  # of a sum
_VECTOR_BYTES = 64  # LLVM splits such a vector where the machine has shorter ones
# Rows of arrays that no second-level cache holds are asked for so many entries ahead: on 63,666
# nodes the sums take less than half of the time.
_AHEAD, _LARGE_BYTES = 16, 1 << 20
_LINE_BYTES = 64


@intrinsic
def weighted_rows(
    typingctx, out, out_at, own, own_at, weight, rows, stride, shift, indices, values, entry, end
):
    """``out[out_at:][:64] = weight own[own_at:][:64] + sum_e values[e] rows[at(e):][:64]``.

    The sum goes over e in entry:end, and ``at(e) = indices[e] * stride + shift``. Nothing is
    checked. For Numba's functions alone.

    Args:
        typingctx: Numba's.
        out: float32 or float64, flat and contiguous, as all arrays here.
        out_at: uint64.
        own: of the same dtype; it may be `out` itself at the same place.
        own_at: uint64.
        weight: of the same dtype.
        rows: of the same dtype.
        stride: uint64.
        shift: uint64.
        indices: integers, at least 0.
        values: of the same dtype.
        entry: int64.
        end: int64.
    """
    signature = types.void(
        out,
        types.uint64,
        own,
        types.uint64,
        out.dtype,
        rows,
        types.uint64,
        types.uint64,
        indices,
        values,
        types.int64,
        types.int64,
    )
    kind = ir.FloatType() if out.dtype == types.float32 else ir.DoubleType()
    bytes_each = out.dtype.bitwidth // 8
    lanes = _VECTOR_BYTES // bytes_each
    vector = ir.VectorType(kind, lanes)
    parts = range(COLUMNS // lanes)
    int32, int64 = ir.IntType(32), ir.IntType(64)

    def codegen(context, builder, signature, arguments):
        def array(number):
            kind = context.make_array(signature.args[number])
            return kind(context, builder, arguments[number])

        def load(pointer, at, part):
            place = builder.gep(pointer, [builder.add(at, int64(part * lanes))])
            return builder.load(builder.bitcast(place, vector.as_pointer()), align=bytes_each)

        def spread(number):
            one = builder.insert_element(ir.Constant(vector, ir.Undefined), number, int32(0))
            zeros = ir.Constant(ir.VectorType(int32, lanes), [0] * lanes)
            return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)

        def row_of(number):
            index = builder.load(builder.gep(indices_data, [number]))
            if index.type != int64:
                index = builder.zext(index, int64)
            return builder.add(builder.mul(index, stride), shift)

        def ask_for(at):
            byte = ir.IntType(8).as_pointer()
            kind = ir.FunctionType(ir.VoidType(), [byte, int32, int32, int32])
            prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
            for start in range(0, COLUMNS, _LINE_BYTES // bytes_each):
                place = builder.gep(rows_data, [builder.add(at, int64(start))])
                to_read, soon, data = int32(0), int32(3), int32(1)
                builder.call(prefetch, [builder.bitcast(place, byte), to_read, soon, data])

        out_data, own_data, rows_data, indices_data, values_data = (
            array(number).data for number in (0, 2, 5, 8, 9)
        )
        last = builder.sub(array(8).nitems, int64(1))
        are_large = builder.icmp_signed(">", array(5).nitems, int64(_LARGE_BYTES // bytes_each))
        _, out_at, _, own_at, weight, _, stride, shift, _, _, entry, end = arguments
        weights = spread(weight)
        first = [builder.fmul(weights, load(own_data, own_at, part)) for part in parts]

        before = builder.block
        head = builder.append_basic_block("entries")
        body = builder.append_basic_block("entry")
        after = builder.append_basic_block("end")
        builder.branch(head)

        builder.position_at_end(head)
        number = builder.phi(int64)
        sums = [builder.phi(vector) for _ in parts]
        number.add_incoming(entry, before)
        for one, start in zip(sums, first, strict=True):
            one.add_incoming(start, before)
        builder.cbranch(builder.icmp_signed("<", number, end), body, after)

        builder.position_at_end(body)
        with builder.if_then(are_large):
            ahead = builder.add(number, int64(_AHEAD))
            is_there = builder.icmp_signed("<", ahead, last)
            ask_for(row_of(builder.select(is_there, ahead, last)))
        at = row_of(number)
        value = spread(builder.load(builder.gep(values_data, [number])))
        for part, one in zip(parts, sums, strict=True):
            product = builder.fmul(value, load(rows_data, at, part), flags=("contract",))
            one.add_incoming(builder.fadd(one, product, flags=("contract",)), builder.block)
        number.add_incoming(builder.add(number, int64(1)), builder.block)
        builder.branch(head)

        builder.position_at_end(after)
        for part, one in zip(parts, sums, strict=True):
            place = builder.gep(out_data, [builder.add(out_at, int64(part * lanes))])
            builder.store(one, builder.bitcast(place, vector.as_pointer()), align=bytes_each)
        return context.get_dummy_value()

    return signature, codegen

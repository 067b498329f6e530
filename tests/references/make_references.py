#!/usr/bin/env python3
"""Writes references.txt: graphs, inputs, and what libraries that are not ours make of them.

Run by hand where an op is added (NumPy, SciPy and JAX needed; nothing that a user builds or runs
needs Python):

    python3 tests/references/make_references.py > tests/references/references.txt

The scalar bodies of ComputeDefs are shared by interpreters and generated code, so that their
agreement says nothing of their being right: these values do. Elementary functions are computed in
f64 and rounded. A case is

    case NAME TOLERANCE        relative to each element; 0: to the bit (NaN equals NaN)
    tenon graph 1 ...          the graph, in text form
    in LITERAL                 one an input
    out LITERAL                one an output
    end
"""
import math

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import scipy.special

jax.config.update("jax_enable_x64", True)
RNG = np.random.RandomState(7)
NAMES = {
    np.dtype(np.float32): "f32", np.dtype(np.float64): "f64",
    np.dtype(ml_dtypes.bfloat16): "bf16", np.dtype(np.float16): "f16",
    np.dtype(np.int8): "i8", np.dtype(np.uint8): "u8", np.dtype(np.int32): "i32",
    np.dtype(np.int64): "i64", np.dtype(np.bool_): "bool",
}
BF16 = ml_dtypes.bfloat16
# Two roundings in the last place of f32 and f64.
F32_TOLERANCE, F64_TOLERANCE = 2.5e-7, 6e-16


def element(v):
    if isinstance(v, (bool, np.bool_)):
        return "true" if v else "false"
    if isinstance(v, (int, np.integer)):
        return str(int(v))
    v = float(v)
    if math.isnan(v):
        return "nan"
    if math.isinf(v):
        return "-inf" if v < 0 else "inf"
    return repr(v)


def type_of(a):
    return f"{NAMES[a.dtype]}[{','.join(map(str, a.shape))}]"


def literal(a):
    return type_of(a) + "{" + ", ".join(element(v) for v in a.reshape(-1)) + "}"


COUNT = 0


def case(name, body, inputs, outputs, tolerance=0.0):
    """body: lines of ops that define %y0, %y1, ...; inputs are %x0, %x1, ..."""
    global COUNT
    COUNT += 1
    inputs = [np.asarray(a) for a in inputs]
    outputs = [np.asarray(a) for a in outputs]
    ins = ", ".join(f"%x{i}: {type_of(a)}" for i, a in enumerate(inputs))
    outs = ", ".join(f"y{i}: {type_of(a)}" for i, a in enumerate(outputs))
    values = ", ".join(f"%y{i}" for i in range(len(outputs)))
    print(f"case {name} {tolerance!r}")
    print(f"tenon graph 1\ngraph @reference({ins}) -> ({outs}) {{\n{body}\n  return {values}\n}}")
    for a in inputs:
        print("in", literal(a))
    for a in outputs:
        print("out", literal(a))
    print("end\n")


def uniform(shape, low=-2.0, high=2.0, dtype=np.float32):
    return (low + (high - low) * RNG.rand(*shape)).astype(dtype)


def rounded(f, *args):
    """f in f64, rounded to the type of the arguments."""
    with np.errstate(all="ignore"):
        return np.asarray(f(*[a.astype(np.float64) for a in args])).astype(args[0].dtype)


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.5, 1e-30, 88.0, -87.0, 1e30, math.inf, -math.inf,
           math.nan, 0.1, 2.5, -0.3]


def unary():
    functions = {
        "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "sqrt": np.sqrt,
        "rsqrt": lambda x: 1 / np.sqrt(x), "sin": np.sin, "cos": np.cos, "tanh": np.tanh,
        "sigmoid": scipy.special.expit, "erf": scipy.special.erf,
    }
    for name, f in functions.items():
        for dtype, tolerance in ((np.float32, F32_TOLERANCE), (np.float64, F64_TOLERANCE)):
            special = np.array(SPECIAL, dtype)
            if name in ("sin", "cos"):  # huge arguments have a test of their own
                special = special[np.abs(special) != np.float32(1e30)]
                special = special[np.abs(special) != 1e30]
            x = np.concatenate([special, uniform((24,), -4, 4, dtype)])
            case(f"{name}/{NAMES[x.dtype]}", f"  %y0 = {name}(%x0)", [x], [rounded(f, x)],
                 tolerance)
    exact = {"neg": np.negative, "abs": np.abs, "sign": lambda x: np.where(x == 0, x, np.sign(x)), "floor": np.floor,
             "ceil": np.ceil, "round": np.rint, "trunc": np.trunc}
    for name, f in exact.items():
        for dtype in (np.float32, np.float64, np.float16, BF16):
            x = np.array([v for v in SPECIAL if v != 1e30], np.float64).astype(dtype)
            with np.errstate(all="ignore"):
                y = f(x.astype(np.float64)).astype(dtype)
            case(f"{name}/{NAMES[x.dtype]}", f"  %y0 = {name}(%x0)", [x], [y])
    for dtype in (np.int8, np.int32, np.int64):
        x = np.array([0, 1, -1, 5, -7, np.iinfo(dtype).min, np.iinfo(dtype).max], dtype)
        with np.errstate(all="ignore"):
            case(f"neg/{NAMES[x.dtype]}", "  %y0 = neg(%x0)", [x], [np.negative(x)])
            case(f"abs/{NAMES[x.dtype]}", "  %y0 = abs(%x0)", [x], [np.abs(x)])
            case(f"sign/{NAMES[x.dtype]}", "  %y0 = sign(%x0)", [x], [np.sign(x)])
            case(f"not/{NAMES[x.dtype]}", "  %y0 = not(%x0)", [x], [np.invert(x)])
    b = np.array([True, False])
    case("not/bool", "  %y0 = not(%x0)", [b], [~b])
    x = np.array(SPECIAL, np.float32)
    case("is_finite", "  %y0 = is_finite(%x0)", [x], [np.isfinite(x)])
    case("stop_gradient", "  %y0 = stop_gradient(%x0)", [x], [x])


def pairs(dtype):
    if np.issubdtype(dtype, np.floating):
        a = np.array([v for v in SPECIAL if abs(v) != 1e30], dtype)
    else:
        info = np.iinfo(dtype)
        a = np.array([0, 1, 2, 3, 7, 100, info.max, info.min, 50], np.int64).astype(dtype)
        if info.min < 0:
            a = np.concatenate([a, np.array([-1, -3, -100], dtype)])
    return np.repeat(a, len(a)), np.tile(a, len(a))


def integer_div_rem(a, b):
    """Truncating, with the results for 0 that ops.md states."""
    info, q, r = np.iinfo(a.dtype), [], []
    for x, y in zip(a.tolist(), b.tolist()):
        if y == 0:
            q.append(0)
            r.append(x)
            continue
        d = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
        r.append(x - d * y)
        q.append(info.min if d > info.max else d)
    return np.array(q, a.dtype), np.array(r, a.dtype)


def binary():
    floats = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
              "rem": np.fmod, "max": np.maximum, "min": np.minimum}
    for name, f in floats.items():
        for dtype in (np.float32, np.float64):
            a, b = pairs(dtype)
            with np.errstate(all="ignore"):
                y = f(a, b)
            if name in ("max", "min"):  # which zero comes out is not theirs to say
                keep = ~((a == 0) & (b == 0))
                a, b, y = a[keep], b[keep], y[keep]
            case(f"{name}/{NAMES[a.dtype]}", f"  %y0 = {name}(%x0, %x1)", [a, b], [y])
    for dtype, tolerance in ((np.float32, F32_TOLERANCE), (np.float64, F64_TOLERANCE)):
        a, b = pairs(dtype)
        case(f"pow/{NAMES[a.dtype]}", "  %y0 = pow(%x0, %x1)", [a, b], [rounded(np.power, a, b)],
             tolerance)
    for name in ("add", "mul"):
        a, b = uniform((40,)).astype(BF16), uniform((40,)).astype(BF16)
        f = floats[name]
        y = f(a.astype(np.float32), b.astype(np.float32)).astype(BF16)
        case(f"{name}/bf16", f"  %y0 = {name}(%x0, %x1)", [a, b], [y])
        a, b = uniform((40,)).astype(np.float16), uniform((40,)).astype(np.float16)
        y = f(a.astype(np.float32), b.astype(np.float32)).astype(np.float16)
        case(f"{name}/f16", f"  %y0 = {name}(%x0, %x1)", [a, b], [y])
    for dtype in (np.int8, np.uint8, np.int32, np.int64):
        a, b = pairs(dtype)
        with np.errstate(all="ignore"):
            results = {"add": a + b, "sub": a - b, "mul": a * b, "max": np.maximum(a, b),
                       "min": np.minimum(a, b), "and": a & b, "or": a | b, "xor": a ^ b}
        results["div"], results["rem"] = integer_div_rem(a, b)
        for name, y in results.items():
            case(f"{name}/{NAMES[a.dtype]}", f"  %y0 = {name}(%x0, %x1)", [a, b], [y])
        width = a.dtype.itemsize * 8
        c = np.arange(len(a)) % width
        unsigned = a.view(f"u{a.dtype.itemsize}")
        shift = c.astype(unsigned.dtype)
        case(f"shl/{NAMES[a.dtype]}", "  %y0 = shl(%x0, %x1)", [a, c.astype(dtype)],
             [(unsigned << shift).view(dtype)])
        case(f"shr_logical/{NAMES[a.dtype]}", "  %y0 = shr_logical(%x0, %x1)",
             [a, c.astype(dtype)], [(unsigned >> shift).view(dtype)])
        case(f"shr_arithmetic/{NAMES[a.dtype]}", "  %y0 = shr_arithmetic(%x0, %x1)",
             [a, c.astype(dtype)],
             [(a.view(f"i{a.dtype.itemsize}") >> shift.view(f"i{a.dtype.itemsize}")).view(dtype)])
    a, b = np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool)
    for name, y in {"and": a & b, "or": a | b, "xor": a ^ b}.items():
        case(f"{name}/bool", f"  %y0 = {name}(%x0, %x1)", [a, b], [y])


def select_and_cast():
    kinds = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
             "gt": np.greater, "ge": np.greater_equal}
    for dtype in (np.float32, np.int8, np.uint8, np.int64):
        a, b = pairs(dtype)
        for kind, f in kinds.items():
            case(f"compare/{kind}/{NAMES[a.dtype]}", f"  %y0 = compare(%x0, %x1) kind={kind}",
                 [a, b], [f(a, b)])
    c = RNG.rand(3, 4) > 0.5
    a, b = uniform((3, 4)), uniform((3, 4))
    case("select", "  %y0 = select(%x0, %x1, %x2)", [c, a, b], [np.where(c, a, b)])
    x = np.concatenate([np.array([0.0, 0.5, -0.5, 1.5, -7.9, 100.25, 127, -128, 3.99]),
                        uniform((20,), -100, 100)]).astype(np.float32)
    for dtype in (np.int8, np.int32, np.int64, np.float64, np.float16, BF16):
        y = x.astype(dtype)
        case(f"cast/f32/{NAMES[y.dtype]}", f"  %y0 = cast(%x0) dtype={NAMES[y.dtype]}", [x], [y])
    x = np.array([0, 1, -1, 300, -300, 2**31 - 1, -2**31, 2**24 + 1, 2**53 + 1, -2**62], np.int64)
    for dtype in (np.int8, np.uint8, np.int32, np.float32, np.float64, bool):
        y = x.astype(dtype)
        case(f"cast/i64/{NAMES[y.dtype]}", f"  %y0 = cast(%x0) dtype={NAMES[y.dtype]}", [x], [y])
    x = np.array([1, -1, 0.5, 3e-39, math.inf], np.float32)
    case("bitcast", "  %y0 = bitcast(%x0) dtype=i32", [x], [x.view(np.int32)])


def leaves():
    case("constant", "  %y0 = constant f32[2,2]{1, -0.5, inf, 1e-40}", [],
         [np.array([[1, -0.5], [math.inf, 1e-40]], np.float32)])
    case("iota", "  %y0 = iota type=i32[3,4] axis=1", [],
         [np.broadcast_to(np.arange(4, dtype=np.int32), (3, 4))])
    # Philox 4x32-10, word 0, by NumPy's arithmetic on Python's integers.
    def philox(key, index, stream):
        c = [index & 0xffffffff, index >> 32, stream & 0xffffffff, stream >> 32]
        k = [key & 0xffffffff, key >> 32]
        for _ in range(10):
            p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
            c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xffffffff, (p0 >> 32) ^ c[3] ^ k[1],
                 p0 & 0xffffffff]
            k = [(k[0] + 0x9E3779B9) & 0xffffffff, (k[1] + 0xBB67AE85) & 0xffffffff]
        return c[0]
    # The known answers of Random123's kat_vectors for zero and the first digits of pi.
    assert philox(0, 0, 0) == 0x6627E8D5
    assert philox(0x299F31D0A4093822, 0x85A308D3243F6A88, 0x0370734413198A2E) == 0xD16CFE09
    key = 0x123456789ABCDEF
    y = np.array([philox(key, i, 5) for i in range(6)], np.uint32).view(np.int32).reshape(2, 3)
    case("random_bits", "  %y0 = random_bits(%x0) shape=[2,3] stream=5",
         [np.array(key, np.int64)], [y])


def reductions():
    x = uniform((3, 4, 5), dtype=np.float64)
    functions = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min}
    for kind, f in functions.items():
        for axes in ((0,), (1,), (0, 2), (0, 1, 2)):
            tolerance = 1e-14 if kind in ("sum", "prod") else 0.0
            case(f"reduce/{kind}/{''.join(map(str, axes))}",
                 f"  %y0 = reduce(%x0) kind={kind} axes=[{','.join(map(str, axes))}]", [x],
                 [f(x, axis=axes)], tolerance)
    b = RNG.rand(5, 3) > 0.4
    case("reduce/and", "  %y0 = reduce(%x0) kind=and axes=[1]", [b], [b.all(1)])
    case("reduce/or", "  %y0 = reduce(%x0) kind=or axes=[0]", [b], [b.any(0)])
    i = RNG.randint(-100, 100, (4, 6)).astype(np.int8)
    case("reduce/sum/i8", "  %y0 = reduce(%x0) kind=sum axes=[1]", [i], [i.sum(1, dtype=np.int8)])
    h = uniform((300,), 0, 1).astype(np.float16)
    exact = np.float16(np.sum(h.astype(np.float64)))  # f32 carries 300 of these exactly enough
    case("reduce/sum/f16", "  %y0 = reduce(%x0) kind=sum axes=[0]", [h], [exact], 1e-3)
    running = {"sum": np.cumsum, "prod": np.cumprod, "max": np.maximum.accumulate,
               "min": np.minimum.accumulate}
    identity = {"sum": 0, "prod": 1, "max": -math.inf, "min": math.inf}
    for kind, f in running.items():
        y = f(x, axis=1)
        case(f"cumulative/{kind}", f"  %y0 = cumulative(%x0) kind={kind} axis=1", [x], [y], 1e-14)
        flipped = np.flip(f(np.flip(x, 1), axis=1), 1)
        case(f"cumulative/{kind}/reverse",
             f"  %y0 = cumulative(%x0) kind={kind} axis=1 reverse=true", [x], [flipped], 1e-14)
        first = np.full_like(x[:, :1], identity[kind])
        case(f"cumulative/{kind}/exclusive",
             f"  %y0 = cumulative(%x0) kind={kind} axis=1 exclusive=true", [x],
             [np.concatenate([first, y[:, :-1]], 1)], 1e-14)


def windows():
    x = uniform((2, 7, 6, 3))
    lax = jax.lax
    attributes = ("window=[1,3,2,1] stride=[1,2,2,1] dilation=[1,1,2,1] base_dilation=[1,1,1,1] "
                  "pad_low=[0,1,0,0] pad_high=[0,1,2,0]")
    for kind, f, init in (("sum", lax.add, 0.0), ("max", lax.max, -np.inf),
                          ("min", lax.min, np.inf)):
        y = lax.reduce_window(x, np.float32(init), f, (1, 3, 2, 1), (1, 2, 2, 1),
                              ((0, 0), (1, 1), (0, 2), (0, 0)), window_dilation=(1, 1, 2, 1))
        case(f"window_reduce/{kind}", f"  %y0 = window_reduce(%x0) kind={kind} {attributes}", [x],
             [y], F32_TOLERANCE * 4)
    y = lax.reduce_window(x[0, :, :, 0], np.float32(0), lax.add, (2, 3), (1, 2), ((1, 0), (0, 2)),
                          base_dilation=(2, 3))
    case("window_reduce/base_dilation",
         "  %y0 = window_reduce(%x0) kind=sum window=[2,3] stride=[1,2] dilation=[1,1] "
         "base_dilation=[2,3] pad_low=[1,0] pad_high=[0,2]", [x[0, :, :, 0]], [y],
         F32_TOLERANCE * 4)
    # Pooling by index, worked out window by window.
    p = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 5], np.float32)
    starts = range(0, 8, 2)
    index = np.array([int(np.argmax(p[s:s + 3])) for s in starts], np.int32)
    chosen = np.array([p[s:s + 3].max() for s in starts], np.float32)
    back = np.zeros_like(p)
    for s, i, v in zip(starts, index, chosen):
        back[s + i] += v
    window = "window=[3] stride=[2] dilation=[1] pad_low=[0] pad_high=[0]"
    case("window_argmax",
         f"  %m = window_reduce(%x0) kind=max window=[3] stride=[2] dilation=[1] "
         f"base_dilation=[1] pad_low=[0] pad_high=[0]\n  %y0 = window_argmax(%x0, %m) {window}",
         [p], [index])
    case("window_select", f"  %y0 = window_select(%x0, %x1) {window}", [p, index], [chosen])
    case("window_unselect", f"  %y0 = window_unselect(%x0, %x1) {window} shape=[10]",
         [chosen, index], [back])


def contractions():
    for spec, a, b in (("mk,kn->mn", (4, 5), (5, 3)), ("bmk,bkn->bmn", (2, 3, 4), (2, 4, 3)),
                       ("abc,bd->dac", (2, 3, 4), (3, 5)), ("ab,cd->ac", (3, 4), (5, 6)),
                       ("i,i->", (7,), (7,)), ("i,j->ij", (3,), (4,))):
        x, y = uniform(a, dtype=np.float64), uniform(b, dtype=np.float64)
        case(f"contract/{spec}", f'  %y0 = contract(%x0, %x1) "{spec}"', [x, y],
             [np.einsum(spec, x, y)], 1e-14)
    lax = jax.lax
    cases = (
        ("plain", (2, 7, 6, 3), (3, 2, 3, 4), (1, 1), (1, 1), ((0, 0), (0, 0)), 1),
        ("all", (1, 8, 7, 4), (3, 2, 2, 6), (2, 1), (1, 2), ((2, 1), (1, 0)), 2),
        ("depthwise", (1, 5, 5, 3), (3, 3, 1, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), 3))
    for name, xs, fs, stride, dilation, pad, groups in cases:
        x, f = uniform(xs, dtype=np.float64), uniform(fs, dtype=np.float64)
        def conv(x, f):
            return lax.conv_general_dilated(x, f, stride, pad, rhs_dilation=dilation,
                                            dimension_numbers=("NHWC", "HWIO", "NHWC"),
                                            feature_group_count=groups)
        y, vjp = jax.vjp(conv, x, f)
        g = uniform(y.shape, dtype=np.float64)
        dx, df = vjp(jnp.asarray(g))
        text = (f"stride=[{stride[0]},{stride[1]}] dilation=[{dilation[0]},{dilation[1]}] "
                f"pad_low=[{pad[0][0]},{pad[1][0]}] pad_high=[{pad[0][1]},{pad[1][1]}] "
                f"groups={groups}")
        shape = lambda s: "shape=[" + ",".join(map(str, s)) + "]"
        case(f"conv/{name}", f"  %y0 = conv(%x0, %x1) {text}", [x, f], [y], 1e-13)
        case(f"conv_transpose/{name}", f"  %y0 = conv_transpose(%x0, %x1) {text} {shape(xs)}",
             [g, f], [dx], 1e-12)
        case(f"conv_filter/{name}", f"  %y0 = conv_filter(%x0, %x1) {text} {shape(fs)}", [x, g],
             [df], 1e-12)


def moves():
    x = uniform((2, 3, 4))
    case("reshape", "  %y0 = reshape(%x0) shape=[4,6]", [x], [x.reshape(4, 6)])
    case("transpose", "  %y0 = transpose(%x0) permutation=[2,0,1]", [x], [x.transpose(2, 0, 1)])
    b = uniform((3, 1))
    case("broadcast", "  %y0 = broadcast(%x0) shape=[2,3,5] axes=[1,2]", [b],
         [np.broadcast_to(b, (2, 3, 5))])
    case("slice", "  %y0 = slice(%x0) start=[0,1,0] limit=[2,3,4] stride=[1,1,2]", [x],
         [x[0:2, 1:3, 0:4:2]])
    y = jax.lax.pad(x[0], np.float32(7), ((1, 0, 2), (-1, 2, 0)))
    case("pad", "  %y0 = pad(%x0, %x1) low=[1,-1] high=[0,2] interior=[2,0]",
         [x[0], np.float32(7)], [y])
    a = uniform((2, 1, 4))
    case("concat", "  %y0 = concat(%x0, %x1) axis=1", [x, a], [np.concatenate([x, a], 1)])
    case("reverse", "  %y0 = reverse(%x0) axes=[0,2]", [x], [np.flip(x, (0, 2))])


def indexing():
    x = uniform((4, 5, 3))
    i = np.array([[4, 0], [2, 2]], np.int64)
    case("gather", "  %y0 = gather(%x0, %x1) axis=1", [x, i], [np.take(x, i, 1)])
    b = RNG.randint(0, 5, (4, 2)).astype(np.int32)
    case("gather/batched", "  %y0 = gather(%x0, %x1) axis=1 batch_dims=1", [x, b],
         [np.stack([x[k][b[k]] for k in range(4)])])
    j = np.array([3, 1, 3], np.int64)
    u = uniform((3, 5, 3))
    for kind, f in (("add", np.add), ("max", np.maximum), ("min", np.minimum)):
        y = x.copy()
        f.at(y, j, u)
        case(f"scatter/{kind}", f"  %y0 = scatter(%x0, %x1, %x2) kind={kind} axis=0", [x, j, u],
             [y])
    y = x.copy()
    for k, v in zip(j, u):
        y[k] = v
    case("scatter/set", "  %y0 = scatter(%x0, %x1, %x2) kind=set axis=0", [x, j, u], [y])
    for start in ((1, 2), (-3, 99)):
        s = [np.array(v, np.int64) for v in start]
        m = x[:, :, 0]
        case(f"dynamic_slice/{start[0]}", "  %y0 = dynamic_slice(%x0, %x1, %x2) sizes=[2,3]",
             [m, *s], [jax.lax.dynamic_slice(m, [max(v, 0) for v in start], (2, 3))])
        update = uniform((2, 2))
        case(f"dynamic_update/{start[0]}", "  %y0 = dynamic_update(%x0, %x1, %x2, %x3)",
             [m, update, *s],
             [jax.lax.dynamic_update_slice(m, update, [max(v, 0) for v in start])])
    k = np.array([[3, math.nan, -1, 3, -math.inf, 2], [0, 5, 5, math.nan, 1, 5]], np.float32)
    order = np.argsort(k, axis=1, kind="stable")
    p = np.tile(np.arange(6, dtype=np.int32), (2, 1))
    case("sort", "  %y0, %y1 = sort(%x0, %x1) axis=1", [k, p],
         [np.take_along_axis(k, order, 1), order.astype(np.int32)])
    n = RNG.randint(0, 5, (3, 8)).astype(np.int32)
    order = np.argsort(-n, axis=1, kind="stable")
    q = np.tile(np.arange(8, dtype=np.int64), (3, 1))
    case("sort/descending", "  %y0, %y1 = sort(%x0, %x1) axis=1 descending=true", [n, q],
         [np.take_along_axis(n, order, 1), order])


def control():
    x = uniform((3,), dtype=np.float64)
    body = ("graph @{0}(%a: f64[3]) -> (o: f64[3]) {{ %0 = {1}(%a) return %0 }}")
    for p in (True, False):
        case(f"cond/{p}", f"  %y0 = cond(%x0, %x1) {{ {body.format('t', 'sin')} "
             f"{body.format('f', 'neg')} }}", [np.array(p), x], [np.sin(x) if p else -x], 1e-15)
    case("call", f"  %y0 = call(%x0) \"sine\" {{ {body.format('b', 'sin')} }}", [x], [np.sin(x)],
         1e-15)
    h, xs, total, outs = np.float64(0.5), uniform((4,), dtype=np.float64), 0.5, []
    for v in xs:
        total = total * v + v
        outs.append(total)
    scan = ("graph @body(%h: f64[], %v: f64[]) -> (h: f64[], o: f64[]) "
            "{ %0 = mul(%h, %v) %1 = add(%0, %v) return %1, %1 }")
    case("scan", f"  %y0, %y1 = scan(%x0, %x1) length=4 num_carries=1 num_scanned=1 {{ {scan} }}",
         [h, xs], [np.float64(total), np.array(outs)], 1e-15)
    case("while", "  %y0 = while(%x0, %x1) num_carries=1 { graph @c(%a: f64[], %l: f64[]) -> "
         "(p: bool[]) { %0 = compare(%a, %l) kind=lt return %0 } graph @b(%a: f64[], %l: f64[]) "
         "-> (a: f64[]) { %0 = add(%a, %a) return %0 } }", [np.float64(0.75), np.float64(10)],
         [np.float64(12)])


for section in (leaves, unary, binary, select_and_cast, reductions, windows, contractions, moves,
                indexing, control):
    section()

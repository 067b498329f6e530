#!/usr/bin/env python3
"""Writes ir/math_coefficients.h: the polynomials and constants of ir/math.h.

    pip install mpmath gmpy2
    tools/minimax.py | clang-format-14 --assume-filename=x.h > ir/math_coefficients.h

Every polynomial is a weighted minimax fit of our own, by Lawson's iteration in 60 digits. Coefficients
are rounded one after the other, the most significant first, and the others are fitted anew after
each rounding, so that the rounded polynomial is nearly as good as the exact one. The comment on each
table is the weighted error that is left, as a power of two.
"""
import math
import sys
import mpmath as mp

mp.mp.dps = 60
F32, F64 = 24, 53


def rounded(value, bits):
    """`value` to `bits` significant bits, ties to even (the exponent range is never an issue)."""
    if value == 0:
        return mp.mpf(0)
    exponent = mp.floor(mp.log(abs(value), 2)) + 1
    scale = mp.mpf(2) ** (bits - int(exponent))
    return mp.nint(value * scale) / scale


def hexfloat(value, bits):
    if bits == F32:
        import struct
        value = struct.unpack("f", struct.pack("f", float(value)))[0]
    return float(value).hex()


def lawson(target, weight, low, high, powers, rounds):
    """Coefficients c that nearly minimise max |weight * (target - sum c_i x^powers_i)|: Lawson's
    iteration of weighted least squares, which converges for every basis."""
    n = len(powers)
    size = 8 * n + 12
    grid = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (i + mp.mpf(1) / 2) / size)
            for i in range(size)]
    weights = [abs(weight(x)) for x in grid]
    targets = [w * target(x) for w, x in zip(weights, grid)]
    basis = [[w * x ** p for p in powers] for w, x in zip(weights, grid)]
    measure = [mp.mpf(1) / size] * size
    best = None
    for _ in range(rounds):
        a = mp.matrix(n, n)
        b = mp.matrix(n, 1)
        for row in range(n):
            scaled = [m * line[row] for m, line in zip(measure, basis)]
            for col in range(row, n):
                a[row, col] = mp.fdot(scaled, [line[col] for line in basis])
                a[col, row] = a[row, col]
            b[row] = mp.fdot(scaled, targets)
        solution = mp.lu_solve(a, b)
        c = [solution[i] for i in range(n)]
        errors = [abs(t - mp.fdot(c, line)) for t, line in zip(targets, basis)]
        worst = max(errors)
        if best is None or worst < best[1]:
            best = (c, worst)
        measure = [m * e + mp.mpf("1e-12") / size for m, e in zip(measure, [e / worst for e in errors])]
        total = sum(measure)
        measure = [m / total for m in measure]
    return best


def fitted(target, weight, low, high, powers, bits):
    """Rounded coefficients by power, and the largest weighted error that is left."""
    low, high = mp.mpf(low), mp.mpf(high)
    known = {}
    while len(known) < len(powers):
        rest = [p for p in powers if p not in known]

        def remainder(x, known=dict(known)):
            return target(x) - sum(c * x ** p for p, c in known.items())

        c, _ = lawson(remainder, weight, low, high, rest, 10)
        known[rest[0]] = rounded(c[0], bits)
    worst = max(abs(weight(x) * (target(x) - sum(c * x ** p for p, c in known.items())))
                for x in [low + (high - low) * (i + mp.mpf(1) / 3) / 500 for i in range(500)])
    return known, worst


def fit(name, target, weight, low, high, powers, bits):
    """Prints a table of coefficients by ascending power."""
    known, worst = fitted(target, weight, low, high, powers, bits)
    ctype = "float" if bits == F32 else "double"
    print(f"// 2^{float(mp.log(worst, 2)):.1f}")
    print(f"inline constexpr {ctype} {name}[] = {{")
    suffix = "f" if bits == F32 else ""
    for p in powers:
        print(f"    {hexfloat(known[p], bits)}{suffix},")
    print("};")
    sys.stdout.flush()


def parts(name, value, last_bits, bits):
    """`value` as a sum of constants: one rounded to a multiple of 2^b for each b of `last_bits`, and
    one for the rest."""
    ctype = "float" if bits == F32 else "double"
    suffix = "f" if bits == F32 else ""
    out = []
    for last in last_bits + [None]:
        part = rounded(value, bits) if last is None else mp.nint(mp.ldexp(value, -last)) * mp.ldexp(1, last)
        out.append(hexfloat(part, bits) + suffix)
        value -= part
    print(f"inline constexpr {ctype} {name}[] = {{{', '.join(out)}}};")


def pair(name, value, bits):
    """`value` as the nearest float and the float nearest to the rest."""
    parts(name, value, [int(mp.floor(mp.log(value, 2))) + 1 - bits], bits)


def exp_tail(r):  # (e^r - 1 - r) / r^2
    if abs(r) < mp.mpf("1e-5"):
        return sum(r ** i / mp.factorial(i + 2) for i in range(10))
    return (mp.expm1(r) - r) / r ** 2


def log_tail(f):  # (log(1+f) - f + f^2/2) / f^3
    if abs(f) < mp.mpf("1e-5"):
        return sum((-1) ** i * f ** i / (i + 3) for i in range(10))
    return (mp.log1p(f) - f + f * f / 2) / f ** 3


def atanh_tail(z):  # (2 atanh(s) - 2s) / (s z), z = s^2
    if z < mp.mpf("1e-8"):
        return sum(2 * z ** i / (2 * i + 3) for i in range(8))
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s) / (s * z)


def atanh_tail3(z):  # (2 atanh(s) - 2s - 2/3 s^3 - 2/5 s^5) / (s z^3)
    if z < mp.mpf("1e-5"):
        return sum(2 * z ** i / (2 * i + 7) for i in range(12))
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) / s - 2 - z * 2 / 3 - z * z * 2 / 5) / z ** 3


def sin_tail(z):
    if z < mp.mpf("1e-8"):
        return sum((-1) ** (i + 1) * z ** i / mp.factorial(2 * i + 3) for i in range(8))
    r = mp.sqrt(z)
    return (mp.sin(r) - r) / (r * z)


def cos_tail(z):
    if z < mp.mpf("1e-6"):
        return sum((-1) ** i * z ** i / mp.factorial(2 * i + 4) for i in range(10))
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / (z * z)


def tanh_tail(z):
    if z < mp.mpf("1e-8"):
        c = mp.taylor(mp.tanh, 0, 13)
        return sum(c[2 * i + 3] * z ** i for i in range(5))
    r = mp.sqrt(z)
    return (mp.tanh(r) - r) / (r * z)


def erf_factor(z):  # erf(x)/x - 1
    if z < mp.mpf("1e-20"):
        return 2 / mp.sqrt(mp.pi) - 1 - z * 2 / mp.sqrt(mp.pi) / 3
    x = mp.sqrt(z)
    return mp.erf(x) / x - 1


ERF32_SCALE = mp.mpf("3.9375")
ERF32_END = mp.ldexp(mp.mpf(0x1f78d5), -19)  # below 15.5 / scale; erf rounds to 1 there
ERF64_SPLIT = mp.mpf(1)


def erf_centre(i):
    """A number of few bits near i / scale at which erf is nearly a float, and that float."""
    base = int(mp.nint(i / ERF32_SCALE * 2 ** 20))
    for k in range(8000 if i < 15 else 60000):
        for x in {(base + k) / 2 ** 20, (base - k) / 2 ** 20}:
            value = math.erf(x)
            exponent = math.frexp(value)[1]
            scaled = math.ldexp(value, F32 - exponent)
            if abs(scaled - round(scaled)) < 1e-3:
                return mp.mpf(x), mp.ldexp(mp.mpf(round(scaled)), exponent - F32)
    raise ValueError(i)


def erf32_tables():
    """erf in f32 by sixteen intervals: a centre, erf there, and the slope to the rest."""
    print("// erf(x) by intervals of 1 / scale around centres: (erf(c + d) - erf(c)) / d in d, in the")
    print("// first interval (erf(d) - d) / d.")
    print(f"inline constexpr float kErf32Scale = {hexfloat(ERF32_SCALE, F32)}f;")
    print(f"inline constexpr float kErf32End = {hexfloat(ERF32_END, F32)}f;")
    centres, values, slopes, errors = [mp.mpf(0)], [mp.mpf(0)], [], []
    for i in range(16):
        if i > 0:
            centre, value = erf_centre(i)
            centres.append(centre)
            values.append(value)
        c = centres[i]
        low = max(mp.mpf(0), (i - mp.mpf("0.5")) / ERF32_SCALE) - c
        high = (i + mp.mpf("0.5")) / ERF32_SCALE - c

        def slope(d, i=i, c=c):
            if abs(d) < mp.mpf("1e-9"):
                return 2 / mp.sqrt(mp.pi) * mp.exp(-c * c) * (1 - c * d) - (1 if i == 0 else 0)
            return (mp.erf(c + d) - mp.erf(c) - (d if i == 0 else 0)) / d

        def ulps(d, c=c):
            return d / mp.ldexp(1, math.frexp(float(mp.erf(c + d)))[1] - F32)

        known, worst = fitted(slope, ulps, low, high, range(5), F32)
        errors.append(worst)
        slopes.append(known)
    print(f"// {float(max(errors)):.2f} ulp")
    for name, table in (("Centres", centres), ("Values", values)):
        print(f"inline constexpr float kErf32{name}[16] = {{")
        print(", ".join(hexfloat(v, F32) + "f" for v in table))
        print("};")
    print("inline constexpr float kErf32Slopes[5][16] = {")
    for p in range(5):
        print("{" + ", ".join(hexfloat(known[p], F32) + "f" for known in slopes) + "},")
    print("};")


def main():
    print("""// Coefficients and constants of ir/math.h, written by tools/minimax.py: do not edit.
//
// Tables are ascending. The line above each is the largest weighted error left after rounding.
#ifndef TENON_IR_MATH_COEFFICIENTS_H_
#define TENON_IR_MATH_COEFFICIENTS_H_

#include <cstdint>

namespace tenon::math {
""")
    half_ln2 = mp.log(2) / 2 * mp.mpf("1.001")
    print("// (e^r - 1 - r) / r^2 on [-ln2/2, ln2/2], error relative to e^r, and to r.")
    power = lambda r: r * r / mp.exp(r)
    fit("kExp32", exp_tail, power, -half_ln2, half_ln2, range(5), F32)
    fit("kExp64", exp_tail, power, -half_ln2, half_ln2, range(10), F64)
    fit("kExpm132", exp_tail, abs, -half_ln2, half_ln2, range(6), F32)
    fit("kExpm164", exp_tail, abs, -half_ln2, half_ln2, range(11), F64)
    print("// ln 2 in parts whose products with any exponent are exact.")
    parts("kLn2Parts32", mp.log(2), [-15], F32)
    parts("kLn2Parts64", mp.log(2), [-41], F64)
    print("// (log(1+f) - f + f^2/2) / f^3 on [-1/3, 1/3], error relative to the logarithm.")
    third = mp.mpf(1) / 3 + mp.mpf("1e-6")
    fit("kLog32", log_tail, lambda f: f * f + mp.mpf("1e-30"), -third, third, range(9), F32)
    print("// (2 atanh s - 2 s) / s^3 in z = s^2, s up to 1/5; error relative to 2 s.")
    z_log = mp.mpf("0.0401")
    fit("kLog64", atanh_tail, lambda z: z / 2 + mp.mpf("1e-30"), 0, z_log, range(8), F64)
    print("// (2 atanh s - 2 s - 2/3 s^3 - 2/5 s^5) / s^7, for pow.")
    cube = lambda z: z ** 3 / 2 + mp.mpf("1e-30")
    fit("kPow32", atanh_tail3, cube, 0, z_log, range(3), F32)
    fit("kPow64", atanh_tail3, cube, 0, z_log, range(8), F64)
    for name, fraction in (("TwoThirds", mp.mpf(2) / 3), ("TwoFifths", mp.mpf(2) / 5)):
        pair(f"k{name}32", fraction, F32)
        pair(f"k{name}64", fraction, F64)
    pair("kLog2E32", 1 / mp.log(2), F32)
    pair("kLog2E64", 1 / mp.log(2), F64)
    z_trig = (mp.pi / 4 * mp.mpf("1.001")) ** 2
    print("// (sin r - r) / r^3 and (cos r - 1 + r^2/2) / r^4 in z = r^2, |r| up to pi/4.")
    fit("kSin32", sin_tail, lambda z: z + mp.mpf("1e-30"), 0, z_trig, range(4), F32)
    fit("kCos32", cos_tail, lambda z: z * z + mp.mpf("1e-30"), 0, z_trig, range(3), F32)
    fit("kSin64", sin_tail, lambda z: z + mp.mpf("1e-30"), 0, z_trig, range(6), F64)
    fit("kCos64", cos_tail, lambda z: z * z + mp.mpf("1e-30"), 0, z_trig, range(6), F64)
    print("// pi/2 in parts whose products with quadrants below 2^12 (2^20) are exact.")
    parts("kPiHalfParts32", mp.pi / 2, [-11, -23, -35], F32)
    parts("kPiHalfParts64", mp.pi / 2, [-32, -52, -85], F64)
    pair("kPiHalfPair32", mp.pi / 2, F32)
    pair("kPiHalfPair64", mp.pi / 2, F64)
    parts("kTwoOverPi32", 2 / mp.pi, [], F32)
    parts("kTwoOverPi64", 2 / mp.pi, [], F64)
    print("// (tanh x - x) / x^3 in z = x^2, |x| up to 0.5625; error relative to x.")
    z_tanh = mp.mpf("0.5626") ** 2
    fit("kTanh32", tanh_tail, lambda z: z + mp.mpf("1e-30"), 0, z_tanh, range(5), F32)
    fit("kTanh64", tanh_tail, lambda z: z + mp.mpf("1e-30"), 0, z_tanh, range(11), F64)
    print("// erf(x) / x - 1 in z = x^2, |x| up to the split.")
    one = lambda z: mp.mpf(1)
    print(f"inline constexpr double kErf64Split = {hexfloat(ERF64_SPLIT, F64)};")
    fit("kErf64", erf_factor, one, 0, ERF64_SPLIT ** 2, range(13), F64)
    erf32_tables()
    print("// erfc(x) e^(x^2) in t = (x - 2) / (x + 2), x in [1, 6], error weighted by e^(-x^2).")

    def from_t(t):
        return 2 * (1 + t) / (1 - t)

    fit("kErfTail64", lambda t: mp.erfc(from_t(t)) * mp.exp(from_t(t) ** 2),
        lambda t: mp.exp(-from_t(t) ** 2), mp.mpf(-1) / 3, mp.mpf("0.5"), range(15), F64)
    words = 20
    mp.mp.dps = 420
    digits64 = int(mp.floor(2 / mp.pi * mp.mpf(2) ** (64 * words)))
    digits32 = int(mp.floor(2 / mp.pi * mp.mpf(2) ** (32 * 8)))
    print("// The first binary digits of 2/pi, after the point.")
    print("inline constexpr uint32_t kTwoOverPiDigits32[] = {")
    for i in range(8):
        print(f"    0x{(digits32 >> (32 * (7 - i))) & 0xffffffff:08x}u,")
    print("};")
    print("inline constexpr uint64_t kTwoOverPiDigits64[] = {")
    for i in range(words):
        print(f"    0x{(digits64 >> (64 * (words - 1 - i))) & 0xffffffffffffffff:016x}u,")
    print("};")
    print("""
}  // namespace tenon::math

#endif  // TENON_IR_MATH_COEFFICIENTS_H_""")


main()

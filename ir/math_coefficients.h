// Coefficients and constants of ir/math.h, written by tools/minimax.py: do not edit.
//
// Tables are ascending. The line above each is the largest weighted error left after rounding.
#ifndef TENON_IR_MATH_COEFFICIENTS_H_
#define TENON_IR_MATH_COEFFICIENTS_H_

#include <cstdint>

namespace tenon::math {

// (e^r - 1 - r) / r^2 on [-ln2/2, ln2/2], error relative to e^r, and to r.
// 2^-28.2
inline constexpr float kExp32[] = {
    0x1.fffffc0000000p-2f, 0x1.5554900000000p-3f,  0x1.5558a00000000p-5f,
    0x1.123ace0000000p-7f, 0x1.6a5f9a0000000p-10f,
};
// 2^-57.9
inline constexpr double kExp64[] = {
    0x1.000000000000ap-1,  0x1.5555555555506p-3,  0x1.555555555069fp-5,  0x1.1111111124ebap-7,
    0x1.6c16c184825e3p-10, 0x1.a01a0138bf4f9p-13, 0x1.a01999371d17bp-16, 0x1.71df06a653daap-19,
    0x1.28ae27c48ae0ep-22, 0x1.adae491c7549dp-26,
};
// 2^-31.1
inline constexpr float kExpm132[] = {
    0x1.0000000000000p-1f, 0x1.5555560000000p-3f,  0x1.5554f40000000p-5f,
    0x1.110fec0000000p-7f, 0x1.6d3edc0000000p-10f, 0x1.a278360000000p-13f,
};
// 2^-61.7
inline constexpr double kExpm164[] = {
    0x1.0000000000000p-1,  0x1.5555555555559p-3,  0x1.5555555555557p-5,  0x1.111111110f641p-7,
    0x1.6c16c16c156cbp-10, 0x1.a01a01b0105d5p-13, 0x1.a01a01ab74bb8p-16, 0x1.71ddf7e5a1b15p-19,
    0x1.27e4d0349edacp-22, 0x1.af5f82857e549p-26, 0x1.1f85c99736a5ap-29,
};
// ln 2 in parts whose products with any exponent are exact.
inline constexpr float kLn2Parts32[] = {0x1.62e4000000000p-1f, 0x1.7f7d1c0000000p-20f};
inline constexpr double kLn2Parts64[] = {0x1.62e42fefa4000p-1, -0x1.8432a1b0e2634p-43};
// (log(1+f) - f + f^2/2) / f^3 on [-1/3, 1/3], error relative to the logarithm.
// 2^-30.0
inline constexpr float kLog32[] = {
    0x1.5555580000000p-2f,  -0x1.ffff100000000p-3f, 0x1.9996840000000p-3f,
    -0x1.5598d60000000p-3f, 0x1.2512d20000000p-3f,  -0x1.f38ed60000000p-4f,
    0x1.b5c7780000000p-4f,  -0x1.0707020000000p-3f, 0x1.f63daa0000000p-4f,
};
// (2 atanh s - 2 s) / s^3 in z = s^2, s up to 1/5; error relative to 2 s.
// 2^-62.6
inline constexpr double kLog64[] = {
    0x1.555555555554fp-1, 0x1.999999999c185p-2, 0x1.24924921e35c9p-2, 0x1.c71c7490abb3ep-3,
    0x1.745c4aa155bc2p-3, 0x1.3b35c87e2f2abp-3, 0x1.0dcb10e0a30c4p-3, 0x1.1b852a7632b63p-3,
};
// (2 atanh s - 2 s - 2/3 s^3 - 2/5 s^5) / s^7, for pow.
// 2^-40.3
inline constexpr float kPow32[] = {
    0x1.2493700000000p-2f,
    0x1.c62d480000000p-3f,
    0x1.93204a0000000p-3f,
};
// 2^-75.1
inline constexpr double kPow64[] = {
    0x1.249249249241dp-2, 0x1.c71c71c7355bcp-3, 0x1.745d1734b328fp-3, 0x1.3b13b7882ff15p-3,
    0x1.110fb1a18faf3p-3, 0x1.e23f4e6e4936dp-4, 0x1.a7bd324e98d3bp-4, 0x1.d7fde5d0a9e9ap-4,
};
inline constexpr float kTwoThirds32[] = {0x1.5555560000000p-1f, -0x1.5555560000000p-26f};
inline constexpr double kTwoThirds64[] = {0x1.5555555555555p-1, 0x1.5555555555555p-55};
inline constexpr float kTwoFifths32[] = {0x1.99999a0000000p-2f, -0x1.99999a0000000p-28f};
inline constexpr double kTwoFifths64[] = {0x1.999999999999ap-2, -0x1.999999999999ap-56};
inline constexpr float kLog2E32[] = {0x1.7154760000000p+0f, 0x1.4ae0c00000000p-26f};
inline constexpr double kLog2E64[] = {0x1.71547652b82fep+0, 0x1.777d0ffda0d24p-56};
// (sin r - r) / r^3 and (cos r - 1 + r^2/2) / r^4 in z = r^2, |r| up to pi/4.
// 2^-32.5
inline constexpr float kSin32[] = {
    -0x1.5555560000000p-3f,
    0x1.1111760000000p-7f,
    -0x1.a05ba40000000p-13f,
    0x1.7ccd5a0000000p-19f,
};
// 2^-33.1
inline constexpr float kCos32[] = {
    0x1.55554a0000000p-5f,
    -0x1.6c0c260000000p-10f,
    0x1.99e73e0000000p-16f,
};
// 2^-58.0
inline constexpr double kSin64[] = {
    -0x1.5555555555549p-3, 0x1.111111110f894p-7,   -0x1.a01a019c12745p-13,
    0x1.71de35771681fp-19, -0x1.ae5e64f3c6004p-26, 0x1.5d927473d4f73p-33,
};
// 2^-64.1
inline constexpr double kCos64[] = {
    0x1.555555555554cp-5,   -0x1.6c16c16c15212p-10, 0x1.a01a019cbd1f7p-16,
    -0x1.27e4f8107bf11p-22, 0x1.1ee9ef7719511p-29,  -0x1.8fb013c821303p-37,
};
// pi/2 in parts whose products with quadrants below 2^12 (2^20) are exact.
inline constexpr float kPiHalfParts32[] = {0x1.9220000000000p+0f, -0x1.2800000000000p-18f,
                                           -0x1.7780000000000p-25f, 0x1.68c2340000000p-39f};
inline constexpr double kPiHalfParts64[] = {0x1.921fb54400000p+0, 0x1.0b46000000000p-34,
                                            0x1.1a62633200000p-54, -0x1.747f23e32ed70p-87};
inline constexpr float kPiHalfPair32[] = {0x1.921fb60000000p+0f, -0x1.777a5c0000000p-25f};
inline constexpr double kPiHalfPair64[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54};
inline constexpr float kTwoOverPi32[] = {0x1.45f3060000000p-1f};
inline constexpr double kTwoOverPi64[] = {0x1.45f306dc9c883p-1};
// (tanh x - x) / x^3 in z = x^2, |x| up to 0.5625; error relative to x.
// 2^-29.4
inline constexpr float kTanh32[] = {
    -0x1.5555480000000p-2f, 0x1.110c660000000p-3f,  -0x1.b907d00000000p-5f,
    0x1.5826880000000p-6f,  -0x1.94d71c0000000p-8f,
};
// 2^-59.8
inline constexpr double kTanh64[] = {
    -0x1.555555555554cp-2,  0x1.1111111110369p-3,  -0x1.ba1ba1b93e7adp-5,  0x1.664f484b023a3p-6,
    -0x1.226e2d32d2b31p-7,  0x1.d6d24e6b11a74p-9,  -0x1.7d8be55023d96p-10, 0x1.3462fda82b776p-11,
    -0x1.e8201432296cap-13, 0x1.59aad18ba848ep-14, -0x1.3da7e7a7233ffp-16,
};
// erf(x) / x - 1 in z = x^2, |x| up to the split.
inline constexpr double kErf64Split = 0x1.0000000000000p+0;
// 2^-56.2
inline constexpr double kErf64[] = {
    0x1.06eba8214db69p-3,  -0x1.812746b037a23p-2,  0x1.ce2f21a0456d8p-4,  -0x1.b82ce3134bb49p-6,
    0x1.565bcd2b29304p-8,  -0x1.c02db903983cfp-11, 0x1.f9a3b4f562c9bp-14, -0x1.f4dcb14513807p-17,
    0x1.ba66d39ffb07bp-20, -0x1.638564b9b9717p-23, 0x1.130ad30443e98p-26, -0x1.c518ec36f6be0p-30,
    0x1.3d468964fc1b8p-33,
};
// erf(x) by intervals of 1 / scale around centres: (erf(c + d) - erf(c)) / d in d, in the
// first interval (erf(d) - d) / d.
inline constexpr float kErf32Scale = 0x1.f800000000000p+1f;
inline constexpr float kErf32End = 0x1.f78d500000000p+1f;
// 0.30 ulp
inline constexpr float kErf32Centres[16] = {0x0.0p+0f,
                                            0x1.03c5000000000p-2f,
                                            0x1.044ba00000000p-1f,
                                            0x1.856b400000000p-1f,
                                            0x1.03f1e00000000p+0f,
                                            0x1.4500200000000p+0f,
                                            0x1.865e000000000p+0f,
                                            0x1.c726d00000000p+0f,
                                            0x1.0413880000000p+1f,
                                            0x1.2482b80000000p+1f,
                                            0x1.4514100000000p+1f,
                                            0x1.6595000000000p+1f,
                                            0x1.8616d00000000p+1f,
                                            0x1.a682680000000p+1f,
                                            0x1.c7c0380000000p+1f,
                                            0x1.ea8b780000000p+1f};
inline constexpr float kErf32Values[16] = {0x0.0p+0f,
                                           0x1.1ef3460000000p-2f,
                                           0x1.0e413a0000000p-1f,
                                           0x1.6f916c0000000p-1f,
                                           0x1.b2b00a0000000p-1f,
                                           0x1.dad54c0000000p-1f,
                                           0x1.f01adc0000000p-1f,
                                           0x1.f9e5140000000p-1f,
                                           0x1.fdebda0000000p-1f,
                                           0x1.ff5ec60000000p-1f,
                                           0x1.ffd4ee0000000p-1f,
                                           0x1.fff5ca0000000p-1f,
                                           0x1.fffddc0000000p-1f,
                                           0x1.ffff9a0000000p-1f,
                                           0x1.fffff00000000p-1f,
                                           0x1.fffffe0000000p-1f};
inline constexpr float kErf32Slopes[5][16] = {
    {0x1.06eba80000000p-3f, 0x1.0edc680000000p+0f, 0x1.be257c0000000p-1f, 0x1.43f5ac0000000p-1f,
     0x1.9c12640000000p-2f, 0x1.cd22160000000p-3f, 0x1.c3d5700000000p-4f, 0x1.87c1880000000p-5f,
     0x1.29ce7e0000000p-6f, 0x1.8ef16e0000000p-8f, 0x1.d38a1c0000000p-10f, 0x1.e2bcaa0000000p-12f,
     0x1.b60cae0000000p-14f, 0x1.5ef6080000000p-16f, 0x1.d8988e0000000p-19f,
     0x1.fad81e0000000p-22f},
    {0x1.4544ce0000000p-22f, -0x1.12d83a0000000p-2f, -0x1.c5a06c0000000p-2f, -0x1.eccb560000000p-2f,
     -0x1.a26c180000000p-2f, -0x1.24b6e00000000p-2f, -0x1.587f9e0000000p-3f, -0x1.5c431c0000000p-4f,
     -0x1.2e8c680000000p-5f, -0x1.c7d4440000000p-7f, -0x1.28d4860000000p-8f,
     -0x1.5119ee0000000p-10f, -0x1.4dac620000000p-12f, -0x1.2184b80000000p-14f,
     -0x1.a4745c0000000p-17f, -0x1.e55b100000000p-20f},
    {-0x1.812b9a0000000p-2f, -0x1.3aafac0000000p-2f, -0x1.1f73040000000p-3f, 0x1.0f3d800000000p-5f,
     0x1.23c4280000000p-3f, 0x1.55c2b20000000p-3f, 0x1.12e7de0000000p-3f, 0x1.5b807e0000000p-4f,
     0x1.6831840000000p-5f, 0x1.39fe2c0000000p-6f, 0x1.cfa0dc0000000p-8f, 0x1.25d0920000000p-9f,
     0x1.40bd440000000p-11f, 0x1.2ffce00000000p-13f, 0x1.deef800000000p-16f,
     0x1.29b2c20000000p-18f},
    {0x1.4042320000000p-12f, 0x1.052f200000000p-3f, 0x1.7535c20000000p-3f, 0x1.2d9a940000000p-3f,
     0x1.0629200000000p-4f, -0x1.4cef500000000p-7f, -0x1.77aa040000000p-5f, -0x1.8036d40000000p-5f,
     -0x1.091c4a0000000p-5f, -0x1.1be8640000000p-6f, -0x1.edac100000000p-8f, -0x1.668eea0000000p-9f,
     -0x1.b877bc0000000p-11f, -0x1.cf66ae0000000p-13f, -0x1.9265120000000p-15f,
     -0x1.10b0040000000p-17f},
    {0x1.c629140000000p-4f, 0x1.4709900000000p-4f, 0x1.c42f8e0000000p-8f, -0x1.c0365c0000000p-5f,
     -0x1.1737440000000p-4f, -0x1.6c68d80000000p-5f, -0x1.92882a0000000p-7f, 0x1.00f6aa0000000p-7f,
     0x1.aa925c0000000p-7f, 0x1.47f8080000000p-7f, 0x1.67b11a0000000p-8f, 0x1.3618de0000000p-9f,
     0x1.b531800000000p-11f, 0x1.014b2a0000000p-12f, 0x1.0004f00000000p-14f,
     0x1.b2c01c0000000p-17f},
};
// erfc(x) e^(x^2) in t = (x - 2) / (x + 2), x in [1, 6], error weighted by e^(-x^2).
// 2^-63.5
inline constexpr double kErfTail64[] = {
    0x1.058671b52c776p-2,   -0x1.b57034efd3f71p-2, 0x1.eeea7dc8a7857p-3,   -0x1.437f0b68c1b7cp-4,
    0x1.e9471597accd6p-9,   0x1.ca95ed5a3799ap-8,  -0x1.bc25a35a92816p-11, -0x1.016b5fd40c5f1p-10,
    0x1.6d5ae196699bdp-15,  0x1.6da8230d00ca5p-13, 0x1.ce48c9641bb03p-16,  -0x1.ccb2b622257b1p-16,
    -0x1.d3ffd0a94efe6p-17, 0x1.2c1788c476418p-21, 0x1.fbe1e44edc2f8p-20,
};
// The first binary digits of 2/pi, after the point.
inline constexpr uint32_t kTwoOverPiDigits32[] = {
    0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u,
    0xdb629599u, 0x3c439041u, 0xfe5163abu, 0xdebbc561u,
};
inline constexpr uint64_t kTwoOverPiDigits64[] = {
    0xa2f9836e4e441529u, 0xfc2757d1f534ddc0u, 0xdb6295993c439041u, 0xfe5163abdebbc561u,
    0xb7246e3a424dd2e0u, 0x06492eea09d1921cu, 0xfe1deb1cb129a73eu, 0xe88235f52ebb4484u,
    0xe99c7026b45f7e41u, 0x3991d639835339f4u, 0x9c845f8bbdf9283bu, 0x1ff897ffde05980fu,
    0xef2f118b5a0a6d1fu, 0x6d367ecf27cb09b7u, 0x4f463f669e5fea2du, 0x7527bac7ebe5f17bu,
    0x3d0739f78a5292eau, 0x6bfb5fb11f8d5d08u, 0x56033046fc7b6babu, 0xf0cfbc209af4361du,
};

}  // namespace tenon::math

#endif  // TENON_IR_MATH_COEFFICIENTS_H_

#include "tenon/frontend/random.h"

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace tenon {

std::array<uint32_t, 4> PhiloxBlock(uint64_t key, uint64_t index, uint64_t stream) {
  std::array<uint32_t, 4> c = {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32),
                               static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)};
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53} * c[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(p0)};
    k0 += 0x9E3779B9;  // the golden ratio, and the square root of 3 less 1
    k1 += 0xBB67AE85;
  }
  return c;
}

uint32_t Random::Bits32() {
  if (used_ == 4) {
    block_ = PhiloxBlock(seed_, index_++, stream_);
    used_ = 0;
  }
  return block_[used_++];
}

uint64_t Random::Bits64() {
  const uint64_t high = Bits32();
  return high << 32 | Bits32();
}

double Random::Uniform() { return static_cast<double>(Bits64() >> 11) * 0x1p-53; }

uint64_t Random::Below(uint64_t bound) {
  // Values below 2^64 mod bound are thrown away: what is left falls evenly on the remainders. That
  // threshold lies below `bound`: it is hardly ever worth the division that it takes.
  for (;;) {
    const uint64_t bits = Bits64();
    if (bits >= bound || bits >= -bound % bound) return bits % bound;
  }
}

double Random::Normal() {
  // Box and Muller; 1 - u lies in (0, 1], so the logarithm is finite.
  const double radius = std::sqrt(-2 * std::log(1 - Uniform()));
  return radius * std::cos(2 * std::numbers::pi * Uniform());
}

double Random::TruncatedNormal() {
  double x;
  do {
    x = Normal();
  } while (std::abs(x) > 2);
  return x;
}

void Permute(std::vector<int64_t>& order, Random& random) {
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
}

std::vector<int64_t> Permutation(int64_t n, Random& random) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  Permute(order, random);
  return order;
}

}  // namespace tenon

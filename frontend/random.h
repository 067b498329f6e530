// Random numbers on the host: Philox 4x32-10 (Salmon et al., 2011), a function of seed and counter.
//
// Equal seeds give equal numbers on every machine; streams of one seed are independent. It is the
// generator of the op random_bits, whose words are word 0 of each block.
#ifndef TENON_FRONTEND_RANDOM_H_
#define TENON_FRONTEND_RANDOM_H_

#include <array>
#include <cstdint>
#include <vector>

namespace tenon {

// The four words at {index, stream} under `key`.
std::array<uint32_t, 4> PhiloxBlock(uint64_t key, uint64_t index, uint64_t stream);

// A sequence of numbers from one stream of a seed.
class Random {
 public:
  explicit Random(uint64_t seed, uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  uint32_t Bits32();
  uint64_t Bits64();
  // In [0, 1), 53 bits.
  double Uniform();
  // In [0, bound), without bias; bound > 0.
  uint64_t Below(uint64_t bound);
  // Mean 0, standard deviation 1.
  double Normal();
  // The same, drawn again until it lies within two standard deviations.
  double TruncatedNormal();

 private:
  uint64_t seed_, stream_;
  uint64_t index_ = 0;
  std::array<uint32_t, 4> block_ = {};
  int used_ = 4;  // words of block_ that are spent
};

// A permutation of 0 .. n-1.
std::vector<int64_t> Permutation(int64_t n, Random& random);
// The same, in the memory of `order`, which has the length that is to be permuted.
void Permute(std::vector<int64_t>& order, Random& random);

}  // namespace tenon

#endif  // TENON_FRONTEND_RANDOM_H_

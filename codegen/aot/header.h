// The header that goes with an ahead-of-time compiled object: plain C, and a typed C++ layer.
//
// It says what the program reads and writes (names, types, shapes, sizes), which memory it wants,
// and has the functions that call it. It includes standard headers only; what it shares with other
// such headers (runtime/abi.h) stands in it whole, behind that file's own guard.
#ifndef TENON_CODEGEN_AOT_HEADER_H_
#define TENON_CODEGEN_AOT_HEADER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tenon/codegen/artifact.h"

namespace tenon::codegen {

// Where the weights are.
enum class WeightsPlace : uint8_t {
  kCaller,    // anywhere: the caller binds every tensor
  kEmbedded,  // in the object, as one block of bytes
  kFile,      // in a file that the caller maps or reads whole
};

// The first values of one input binding within the block or file.
struct WeightSlice {
  int binding = -1;
  int64_t offset = 0;  // bytes
  int64_t bytes = 0;
};

struct Weights {
  WeightsPlace place = WeightsPlace::kCaller;
  std::string file;  // of kFile: its name, for people
  int64_t bytes = 0;
  // Of kFile: its first bytes, which tell names, shapes and offsets, and HashWeights of them.
  int64_t head_bytes = 0;
  uint64_t head_hash = 0;
  std::vector<WeightSlice> slices;  // in the order of bindings
  // HashWeights of the bytes of those slices that no step updates, one after the other.
  uint64_t hash = 0;
};

// The hash that the header's `prepare` checks: 64 bits, over little-endian words of eight bytes.
// Chained: start with 0, go on with what came out.
uint64_t HashWeights(uint64_t hash, absl::string_view bytes);

struct HeaderOptions {
  std::string name;  // a C identifier: the prefix of everything
  std::string prepare_symbol, step_symbol;
  Weights weights;
};

// `name` as a C identifier: other characters become '_', and a leading digit or a word of C or C++
// gets one in front.
std::string ToIdentifier(absl::string_view name);

std::string MakeHeader(const Artifact& artifact, const HeaderOptions& options);

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_AOT_HEADER_H_

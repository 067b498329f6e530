#include "tenon/codegen/artifact.h"

namespace tenon::codegen {

int64_t Artifact::ArenaBytes(int threads) const {
  // The program computes scratch addresses from the arena's size rounded up.
  return (arena_bytes + 63) / 64 * 64 + threads * scratch_bytes;
}

}  // namespace tenon::codegen

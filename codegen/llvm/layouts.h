// Where the fields of runtime/abi.h's structs are: every supported target is little-endian and lays
// plain C structs out alike, up to the size of its pointers.
#ifndef TENON_CODEGEN_LLVM_LAYOUTS_H_
#define TENON_CODEGEN_LLVM_LAYOUTS_H_

#include <llvm/IR/Module.h>

#include <cstddef>
#include <cstdint>

#include "tenon/codegen/llvm/scalar_emitter.h"
#include "tenon/runtime/abi.h"

namespace tenon::codegen {

// Fields in their order, with their bytes; 0 stands for a pointer.
enum class FrameField : uint8_t {
  kBuffers,
  kExtents,
  kArena,
  kPrepared,
  kTeam,
  kStatus,
  kFaultSite,
  kFaultValue,
  kRuns,
  kStrides,
  kRun
};
inline constexpr int kFrameFields[] = {0, 0, 0, 0, 0, 4, 4, 8, 8, 0, 8};

enum class TeamField : uint8_t {
  kArrived,
  kStop,     // of barriers with an even number
  kOddStop,  // directly behind
  kParked,
  kSpins,
  kPad,
  kContext,
  kWait,
  kWake
};
inline constexpr int kTeamFields[] = {4, 4, 4, 4, 4, 11 * 4, 0, 0, 0};

template <size_t kCount>
constexpr size_t FieldOffset(const int (&fields)[kCount], size_t field, size_t pointer_bytes) {
  size_t offset = 0;
  for (size_t i = 0; i <= field; ++i) {
    const size_t bytes = fields[i] == 0 ? pointer_bytes : static_cast<size_t>(fields[i]);
    const size_t align = bytes > 8 ? 4 : bytes;  // an array of 32-bit numbers
    offset = (offset + align - 1) / align * align;
    if (i < field) offset += bytes;
  }
  return offset;
}

#define TENON_CHECK_FIELD(fields, field, type, member)                            \
  static_assert(FieldOffset(fields, static_cast<size_t>(field), sizeof(void*)) == \
                offsetof(type, member))
TENON_CHECK_FIELD(kFrameFields, FrameField::kStatus, tenon_frame, status);
TENON_CHECK_FIELD(kFrameFields, FrameField::kFaultValue, tenon_frame, fault_value);
TENON_CHECK_FIELD(kFrameFields, FrameField::kStrides, tenon_frame, strides);
TENON_CHECK_FIELD(kFrameFields, FrameField::kRun, tenon_frame, run);
TENON_CHECK_FIELD(kTeamFields, TeamField::kStop, tenon_team, stop[0]);
TENON_CHECK_FIELD(kTeamFields, TeamField::kOddStop, tenon_team, stop[1]);
TENON_CHECK_FIELD(kTeamFields, TeamField::kSpins, tenon_team, spins);
TENON_CHECK_FIELD(kTeamFields, TeamField::kContext, tenon_team, context);
TENON_CHECK_FIELD(kTeamFields, TeamField::kWake, tenon_team, wake);
#undef TENON_CHECK_FIELD

inline size_t PointerBytes(Builder& b) {
  return b.GetInsertBlock()->getModule()->getDataLayout().getPointerSize();
}

// The address at `offset` bytes.
inline llvm::Value* FieldPointer(Builder& b, llvm::Value* base, size_t offset) {
  return b.CreateGEP(b.getInt8Ty(), base, b.getInt64(offset));
}
inline llvm::Value* FieldPointer(Builder& b, llvm::Value* frame, FrameField field) {
  return FieldPointer(b, frame,
                      FieldOffset(kFrameFields, static_cast<size_t>(field), PointerBytes(b)));
}
inline llvm::Value* FieldPointer(Builder& b, llvm::Value* team, TeamField field) {
  return FieldPointer(b, team,
                      FieldOffset(kTeamFields, static_cast<size_t>(field), PointerBytes(b)));
}

// The pointer that stands at `from`.
inline llvm::Value* LoadPointer(Builder& b, llvm::Value* from) {
  return b.CreateAlignedLoad(b.getPtrTy(), from, llvm::Align(PointerBytes(b)));
}
// The pointer number `index` of the table at `table`.
inline llvm::Value* LoadPointer(Builder& b, llvm::Value* table, int index) {
  return LoadPointer(b, FieldPointer(b, table, PointerBytes(b) * static_cast<size_t>(index)));
}

// Sets the frame's status where it was TENON_OK, and says whether it was: of several threads, one
// is the first.
inline llvm::Value* SetFirstStatus(
    Builder& b, const TargetInfo& target, llvm::Value* frame, llvm::Value* status,
    llvm::AtomicOrdering ordering = llvm::AtomicOrdering::Monotonic) {
  llvm::Value* place = FieldPointer(b, frame, FrameField::kStatus);
  llvm::Value* ok = b.getInt32(TENON_OK);
  if (target.desc.max_threads > 1) {
    const bool releases = ordering == llvm::AtomicOrdering::AcquireRelease;
    llvm::Value* exchange = b.CreateAtomicCmpXchg(
        place, ok, status, llvm::Align(4), ordering,
        releases ? llvm::AtomicOrdering::Acquire : llvm::AtomicOrdering::Monotonic);
    return b.CreateExtractValue(exchange, 1);
  }
  llvm::Value* before = b.CreateAlignedLoad(b.getInt32Ty(), place, llvm::Align(4));
  llvm::Value* first = b.CreateICmpEQ(before, ok);
  b.CreateAlignedStore(b.CreateSelect(first, status, before), place, llvm::Align(4));
  return first;
}

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_LAYOUTS_H_

// KernelEmitter: one kernel of the kernel IR as one LLVM function. Internal to code generation.
//
// The function takes, in this order: a pointer for each kernel parameter, an i64 for each kernel
// symbol, the frame, the table of fault sites (i32, one a kFault in program order), this thread's
// scratch memory, and thread and threads as i32. It returns nothing; faults go into the frame.
//
// emit_kernel.cc has the driver and control flow, emit_tile.cc the instructions on tiles,
// emit_matrix.cc products of tiles, emit_memory.cc loads and stores, recurrence.cc the addresses
// inside of loops.
#ifndef TENON_CODEGEN_LLVM_KERNEL_EMITTER_H_
#define TENON_CODEGEN_LLVM_KERNEL_EMITTER_H_

#include <llvm/IR/Module.h>

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tenon/codegen/llvm/matrix_values.h"
#include "tenon/codegen/llvm/recurrence.h"
#include "tenon/codegen/llvm/scalar_emitter.h"
#include "tenon/codegen/llvm/tile.h"
#include "tenon/ir/kernel/kernel.h"

namespace tenon::codegen {

// Locals above this size live in the thread's scratch memory, in order, each on a 64-byte boundary;
// smaller ones on the stack.
inline constexpr int64_t kStackLocalBytes = 4096;

// The arguments of a kernel's function: its buffers, its symbols, the thread and how many there
// are; then, where it has need of them, the thread's scratch memory, and the frame and the table of
// sites for its faults. Few kernels have, and six arguments are all that x86 passes in registers.
struct KernelArguments {
  explicit KernelArguments(const kernel::Kernel& kernel);
  llvm::FunctionType* Type(llvm::LLVMContext& context) const;

  int buffers, symbols;
  bool scratch = false;  // has locals that do not lie on the stack
  bool faults = false;
};

// Calls `visit` with every kFault of a kernel, in the order of the table of fault sites.
void VisitFaults(const kernel::Block& block,
                 const std::function<void(const kernel::Instr&)>& visit);

// Whether the block multiplies tiles that fit matrix registers.
bool UsesMatrixRegisters(const kernel::Kernel& kernel, const kernel::Block& block);

// Marks a function with what every function of generated code has: the target, no unwinding.
void SetFunctionAttributes(llvm::Function& function, const TargetInfo& target);

class KernelEmitter {
 public:
  KernelEmitter(const kernel::Kernel& kernel, const TargetInfo& target, bool use_fma,
                llvm::Module& module);
  llvm::Function* Emit(const std::string& symbol);

 private:
  using Tiles = std::vector<Tile>;

  // emit_kernel.cc
  void EmitPrologue(const std::string& symbol);
  void EmitLocals();
  Tiles EmitBlock(const kernel::Block& block);  // gives what the block yields
  void EmitInstr(const kernel::Instr& instr);
  void EmitFor(const kernel::Instr& instr);
  int Copies(const kernel::Instr& instr) const;
  // A loop over [low, high) in steps of step * copies whose body is emitted `copies` times,
  // carrying `carried`. Returns where the variable ended up.
  llvm::Value* EmitLoop(const kernel::Instr& instr, llvm::Value* low, llvm::Value* high, int copies,
                        Tiles* carried);
  Tiles EmitBody(const kernel::Instr& instr, llvm::Value* i, const Tiles& carried);
  void EmitIf(const kernel::Instr& instr);
  void EmitParallel(const kernel::Instr& instr);
  void EmitFault(const kernel::Instr& instr);
  void EmitFence();
  llvm::Function* FaultFunction();
  llvm::BasicBlock* NewBlock(const char* name);
  // Phis in the current (new) block: of `a` coming from `from_a` and `b` from `from_b`.
  Tiles Merge(const Tiles& a, llvm::BasicBlock* from_a, const Tiles& b, llvm::BasicBlock* from_b);

  // emit_tile.cc
  Tile EmitScalarOp(const kernel::Instr& instr);
  Tile EmitConst(const kernel::Instr& instr);
  Tile EmitIota(const kernel::Instr& instr);
  Tile EmitSplat(const kernel::Instr& instr);
  llvm::Value* Combine(const kernel::Instr& instr, kernel::DType dtype, llvm::Value* a,
                       llvm::Value* b);
  Tile EmitReduceLanes(const kernel::Instr& instr);
  Tile EmitReduceRows(const kernel::Instr& instr);
  Tile EmitTranspose(const kernel::Instr& instr);
  Tile EmitExtract(const kernel::Instr& instr);
  Tile EmitRow(const kernel::Instr& instr);
  Tile EmitConcatRows(const kernel::Instr& instr);
  void TransposeBlock(llvm::MutableArrayRef<llvm::Value*> rows);
  Tile NewTile(const kernel::Type& type) const;
  // The part of `tile` for a position of a result with `lanes` lanes: scalars become vectors.
  llvm::Value* PartFor(const Tile& tile, int row, int piece, int lanes);
  llvm::Value* Stretch(llvm::Value* scalar, int lanes);
  llvm::Value* Lane(const Tile& tile, int row, int lane);
  llvm::Value* FromLanes(llvm::ArrayRef<llvm::Value*> lanes);

  // emit_matrix.cc
  Tile EmitTileDot(const kernel::Instr& instr);
  Tile EmulateTileDot(const kernel::Instr& instr);
  llvm::Function* TileDotFunction(int rows, int pairs, int lanes);
  std::array<std::vector<llvm::Value*>, 2> EmitPairSums(const Tile& shape, int pairs,
                                                        llvm::Value* first, llvm::Value* a,
                                                        llvm::Value* b);
  Tile EmitMatrixLoad(const kernel::Instr& instr);
  void EmitMatrixStore(const kernel::Instr& instr);
  // The value in a matrix register, from wherever it is; as the only part of a tile.
  llvm::Value* Matrix(kernel::ValueId v);
  Tile MatrixTile(kernel::ValueId v);
  llvm::Value* LoadMatrix(llvm::Value* pointer, llvm::Value* row_bytes);
  void StoreMatrix(llvm::Value* matrix, llvm::Value* pointer, llvm::Value* row_bytes);
  llvm::Value* RowBytes(const kernel::MemRef& mem);
  llvm::Value* MatrixMemory();
  llvm::Value* StackMemory(int64_t bytes);
  void Spill(const Tile& tile, kernel::DType dtype, llvm::Value* memory);
  Tile Reload(const kernel::Type& type, llvm::Value* memory);

  // emit_memory.cc
  // What limits one piece of an access. No mask: all lanes.
  struct Mask {
    llvm::Value* lanes = nullptr;  // <n x i1>, or i1 for a scalar
    llvm::Value* all = nullptr;    // i1: every lane is on; null where that is not known cheaply
    bool none = false;             // surely no lane
    bool full() const { return lanes == nullptr && !none; }
  };
  // One piece in memory: a pointer to contiguous elements or a vector of pointers.
  struct Place {
    llvm::Value* pointer = nullptr;
    kernel::DType dtype = kernel::DType::kF32;
    int lanes = 1;
    bool invariant = false;  // nothing writes there while the kernel runs
    int64_t align = 0;       // bytes; 0: the element's size

    llvm::Align Alignment() const { return llvm::Align(align > 0 ? align : ir::ByteSize(dtype)); }
  };
  Tile EmitLoad(const kernel::Instr& instr);
  void EmitStore(const kernel::Instr& instr);
  void EmitPrefetch(const kernel::Instr& instr);
  Mask PieceMask(const kernel::MemRef& mem, const Tile& shape, int row, int piece);
  Mask LaneCountMask(const kernel::MemRef& mem, const Tile& shape, int piece);
  void LimitRows(const kernel::MemRef& mem, int row, int lanes, Mask* mask);
  // Values in these are as in memory (MemoryType).
  llvm::Value* LoadContiguous(const Place& place, const Mask& mask);
  llvm::Value* LoadRepeated(const Place& place, const Mask& mask);
  llvm::Value* LoadScattered(const Place& place, const Mask& mask);
  void StoreContiguous(const Place& place, llvm::Value* value, const Mask& mask);
  llvm::Value* LoadByLanes(const Place& place, const Mask& mask);
  void StoreByLanes(const Place& place, llvm::Value* value, const Mask& mask);
  llvm::Value* PointerOfLane(const Place& place, const Mask& mask, int lane, llvm::Value* spare);
  llvm::Value* Spare(llvm::Value** slot, bool zero);
  bool StoreNonTemporal(const kernel::MemRef& mem, const Tile& value, int row,
                        llvm::Value* pointer);
  llvm::Value* PlainLoad(llvm::Type* type, const Place& place);
  // Runs `then` where `condition` holds; the phi of its result and `otherwise`, if there is one.
  llvm::Value* Guarded(llvm::Value* condition, llvm::Value* otherwise,
                       const std::function<llvm::Value*()>& then);
  bool MasksInHardware(kernel::DType dtype) const;
  // The address of the first element, of a row, and the pointers of a piece's lanes.
  llvm::Value* BasePointer(const kernel::MemRef& mem);
  llvm::Value* RowPointer(const kernel::MemRef& mem, llvm::Value* base, int row);
  llvm::Value* LanePointer(const kernel::MemRef& mem, llvm::Value* row_pointer, int lane);
  llvm::Value* LanePointers(const kernel::MemRef& mem, llvm::Value* row_pointer, int first,
                            int lanes);
  kernel::DType BufferType(int buffer) const;
  llvm::Value* Scalar(kernel::ValueId value) const { return values_[value.index].scalar(); }
  std::optional<int64_t> ConstantOf(kernel::ValueId value) const;

  const kernel::Kernel& kernel_;
  const TargetInfo& target_;
  llvm::Module& module_;
  llvm::LLVMContext& context_;
  Builder b_;
  ScalarEmitter scalars_;
  Definitions definitions_;
  std::vector<Tile> values_;           // by ValueId
  std::vector<bool> in_matrix_;        // likewise: whether it is one part, in a matrix register
  std::vector<llvm::Value*> buffers_;  // by MemRef::buffer
  std::vector<llvm::Value*> symbols_;
  llvm::Function* function_ = nullptr;
  llvm::Function* fault_function_ = nullptr;
  llvm::Value* frame_ = nullptr;  // null, as the two behind it, where the kernel has no need of it
  llvm::Value* sites_ = nullptr;
  llvm::Value* scratch_ = nullptr;
  llvm::Value* thread_ = nullptr;
  llvm::Value* threads_ = nullptr;
  std::map<const kernel::Instr*, int> fault_numbers_;
  // Vectors of 16 bytes, repeated to so many lanes.
  std::map<std::pair<llvm::Value*, int>, llvm::Value*> repeated_;
  llvm::Value* spare_zero_ = nullptr;     // stack memory for lanes that are off: of loads,
  llvm::Value* spare_written_ = nullptr;  // and of stores
  llvm::Value* matrix_memory_ = nullptr;
  LoopAddresses* loop_ = nullptr;  // while the body of an innermost loop is emitted
};

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_KERNEL_EMITTER_H_

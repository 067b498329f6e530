// Invariants of kernels; those of programs are checked in verify_program.cc.
#include "tenon/ir/kernel/verifier.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/kernel/scalar_rules.h"
#include "tenon/ir/kernel/text.h"

namespace tenon::kernel {
namespace {

using ir::Combiner;
using ir::ScalarOp;

const Type kI64Scalar{DType::kI64, 1, 1};

bool IsPowerOfTwo(int n) { return n > 0 && (n & (n - 1)) == 0; }

bool IsValid(const Type& t) {
  const bool lanes = t.lanes <= 16 ? IsPowerOfTwo(t.lanes) : t.lanes % 16 == 0;
  return t.rows >= 1 && t.rows <= 32 && lanes;
}

class KernelVerifier {
 public:
  explicit KernelVerifier(const Kernel& kernel)
      : kernel_(kernel),
        defined_(kernel.types.size(), false),
        visible_(kernel.types.size(), false),
        constant_(kernel.types.size(), false) {}

  absl::Status Run() {
    if (kernel_.types.empty()) return Error("has no entry 0 in its types", 2);
    for (const Local& local : kernel_.locals) {
      if (local.size <= 0) return Error(absl::StrCat("local ", local.name, " has no size"), 14);
    }
    const std::set<std::string> names(kernel_.symbols.begin(), kernel_.symbols.end());
    if (names.size() != kernel_.symbols.size()) return Error("repeats the name of a symbol", 14);
    return CheckBlock(kernel_.body, {}, {});
  }

 private:
  absl::Status Error(absl::string_view what, int invariant) const {
    const std::string where =
        current_ == nullptr ? "" : absl::StrCat(": `", Print(kernel_, *current_), "`");
    return absl::InternalError(absl::StrCat("kernel ", kernel_.name, where, " ", what,
                                            " [invariant ", invariant, " of kernel IR]"));
  }

  const Type& type(ValueId v) const { return kernel_.types[v.index]; }

  absl::Status Define(ValueId v, std::vector<uint32_t>* scope) {
    if (!v.valid() || v.index >= kernel_.types.size()) return Error("defines no value", 2);
    if (defined_[v.index]) return Error(absl::StrCat("defines %", v.index, " again"), 2);
    if (!IsValid(type(v))) return Error(absl::StrCat("has type ", type(v).ToString()), 1);
    defined_[v.index] = visible_[v.index] = true;
    scope->push_back(v.index);
    return absl::OkStatus();
  }

  absl::Status Use(ValueId v) const {
    if (!v.valid() || v.index >= kernel_.types.size() || !visible_[v.index]) {
      return Error(absl::StrCat("uses %", v.index, ", which is not in scope"), 2);
    }
    return absl::OkStatus();
  }

  // `params` and `yields`: the types that the instruction around the block prescribes.
  absl::Status CheckBlock(const Block& block, const std::vector<Type>& params,
                          const std::vector<Type>& yields) {
    const Instr* around = current_;
    std::vector<uint32_t> scope;
    if (block.params.size() != params.size()) return Error("has block parameters amiss", 11);
    for (size_t i = 0; i < params.size(); ++i) {
      TENON_RETURN_IF_ERROR(Define(block.params[i], &scope));
      if (type(block.params[i]) != params[i]) return Error("has block parameters amiss", 11);
    }
    if (block.instrs.empty() || block.instrs.back().op != Op::kYield) {
      return Error("has a block without a yield", 3);
    }
    for (const Instr& instr : block.instrs) {
      current_ = &instr;
      if (instr.op == Op::kYield && &instr != &block.instrs.back()) {
        return Error("stands amid a block", 3);
      }
      TENON_RETURN_IF_ERROR(CheckInstr(instr, yields));
      current_ = &instr;
      for (ValueId result : instr.results) TENON_RETURN_IF_ERROR(Define(result, &scope));
    }
    for (uint32_t v : scope) visible_[v] = false;
    current_ = around;
    return absl::OkStatus();
  }

  absl::Status CheckInstr(const Instr& instr, const std::vector<Type>& yields) {
    for (ValueId arg : instr.args) TENON_RETURN_IF_ERROR(Use(arg));
    for (ValueId r : instr.results) {
      if (!r.valid() || r.index >= kernel_.types.size()) return Error("defines no value", 2);
    }
    TENON_RETURN_IF_ERROR(CheckShape(instr));
    switch (instr.op) {
      case Op::kScalar:
        return CheckScalar(instr);
      case Op::kConst:
        if (type(instr.results[0]) == kI64Scalar) constant_[instr.results[0].index] = true;
        return absl::OkStatus();
      case Op::kSymbol:
        if (type(instr.results[0]) != kI64Scalar || instr.integer < 0 ||
            instr.integer >= static_cast<int64_t>(kernel_.symbols.size())) {
          return Error("is no symbol of the kernel", 5);
        }
        return absl::OkStatus();
      case Op::kIota: {
        const Type& t = type(instr.results[0]);
        if (t.dtype != DType::kI64 || t.rows != 1) return Error("is not i64 with one row", 5);
        return absl::OkStatus();
      }
      case Op::kSplat:
      case Op::kTranspose:
      case Op::kExtract:
      case Op::kRow:
      case Op::kConcatRows:
        return CheckMove(instr);
      case Op::kTileDot: {
        const Type &a = type(instr.args[0]), &b = type(instr.args[1]);
        const Type result{DType::kF32, a.rows, b.lanes};
        if (a.dtype != DType::kI32 || b.dtype != DType::kI32 || a.lanes != b.rows) {
          return Error("multiplies what are no fitting tiles of pairs", 22);
        }
        if (type(instr.args[2]) != result || type(instr.results[0]) != result) {
          return Error("adds up in a tile of a wrong type", 22);
        }
        return absl::OkStatus();
      }
      case Op::kLoad:
      case Op::kStore:
        return CheckMemory(instr);
      case Op::kPrefetch:
        return CheckPrefetch(instr);
      case Op::kReduceLanes:
      case Op::kReduceRows:
        return CheckReduce(instr);
      case Op::kFor:
        return CheckFor(instr);
      case Op::kIf:
        return CheckIf(instr);
      case Op::kParallel:
        return CheckParallel(instr);
      case Op::kYield: {
        if (instr.args.size() != yields.size()) return Error("yields a wrong number", 3);
        for (size_t i = 0; i < yields.size(); ++i) {
          if (type(instr.args[i]) != yields[i]) return Error("yields a wrong type", 3);
        }
        return absl::OkStatus();
      }
      case Op::kFault:
        return CheckFault(instr);
      case Op::kFence:
        return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  // Numbers of arguments, results and blocks.
  absl::Status CheckShape(const Instr& instr) const {
    int args = -1, results = 1;
    size_t blocks = 0;
    switch (instr.op) {
      case Op::kScalar:
        args = ir::ScalarOpArity(instr.scalar_op);
        break;
      case Op::kConst:
      case Op::kSymbol:
      case Op::kIota:
      case Op::kLoad:
        args = 0;
        break;
      case Op::kSplat:
      case Op::kReduceLanes:
      case Op::kReduceRows:
      case Op::kTranspose:
      case Op::kExtract:
      case Op::kRow:
        args = 1;
        break;
      case Op::kTileDot:
        args = 3;
        break;
      case Op::kConcatRows:
        if (instr.args.empty()) return Error("has no arguments", 7);
        break;
      case Op::kStore:
        args = 1;
        results = 0;
        break;
      case Op::kFor:
        results = -1;
        blocks = 1;
        if (instr.args.size() < 2) return Error("has no bounds", 11);
        break;
      case Op::kIf:
        args = 1;
        results = -1;
        blocks = 2;
        break;
      case Op::kParallel:
        args = 1;
        results = 0;
        blocks = 1;
        break;
      case Op::kYield:
        results = 0;
        break;
      case Op::kFault:
        args = 2;
        results = 0;
        break;
      case Op::kPrefetch:
      case Op::kFence:
        args = 0;
        results = 0;
        break;
    }
    if (args >= 0 && static_cast<int>(instr.args.size()) != args) {
      return Error(absl::StrCat("takes ", args, " arguments, not ", instr.args.size()), 4);
    }
    if (results >= 0 && static_cast<int>(instr.results.size()) != results) {
      return Error(absl::StrCat("gives ", results, " results, not ", instr.results.size()), 2);
    }
    if (instr.blocks.size() != blocks) return Error("has a wrong number of blocks", 3);
    return absl::OkStatus();
  }

  absl::Status CheckScalar(const Instr& instr) const {
    const Type& result = type(instr.results[0]);
    int rows = 1, lanes = 1;
    std::vector<DType> dtypes;
    for (ValueId arg : instr.args) {
      rows = std::max(rows, type(arg).rows);
      lanes = std::max(lanes, type(arg).lanes);
      dtypes.push_back(type(arg).dtype);
    }
    for (ValueId arg : instr.args) {
      const Type& t = type(arg);
      if ((t.rows != rows && t.rows != 1) || (t.lanes != lanes && t.lanes != 1)) {
        return Error("has arguments that do not broadcast", 4);
      }
    }
    if (result.rows != rows || result.lanes != lanes) {
      return Error("has a result that is not the broadcast of its arguments", 4);
    }
    if (!FitsScalarOp(instr.scalar_op, dtypes, result.dtype)) {
      return Error("does not work on these element types", 4);
    }
    const bool ordered =
        instr.scalar_op == ir::ScalarOp::kMax || instr.scalar_op == ir::ScalarOp::kMin;
    if (instr.of_numbers && !(ordered && ir::IsFloat(result.dtype))) {
      return Error("is of_numbers, which only max and min of floats are", 4);
    }
    return absl::OkStatus();
  }

  absl::Status CheckMove(const Instr& instr) const {
    const Type& from = type(instr.args[0]);
    const Type& to = type(instr.results[0]);
    if (from.dtype != to.dtype) return Error("changes the element type", 7);
    bool fits = true;
    int invariant = 7;
    if (instr.op == Op::kSplat) {
      invariant = 5;
      fits =
          (from.rows == to.rows || from.rows == 1) && (from.lanes == to.lanes || from.lanes == 1);
    } else if (instr.op == Op::kTranspose) {
      fits = from.rows == to.lanes && from.lanes == to.rows;
    } else if (instr.op == Op::kExtract) {
      fits =
          to.rows == from.rows && to.lanes == 1 && instr.integer >= 0 && instr.integer < from.lanes;
    } else if (instr.op == Op::kRow) {
      fits =
          to.rows == 1 && to.lanes == from.lanes && instr.integer >= 0 && instr.integer < from.rows;
    } else {
      int rows = 0;
      for (ValueId arg : instr.args) {
        rows += type(arg).rows;
        fits = fits && type(arg).lanes == to.lanes && type(arg).dtype == to.dtype;
      }
      fits = fits && rows == to.rows;
    }
    return fits ? absl::OkStatus() : Error("has a result of a wrong shape", invariant);
  }

  absl::Status CheckReduce(const Instr& instr) const {
    const Type& from = type(instr.args[0]);
    const bool by_lanes = instr.op == Op::kReduceLanes;
    const Type to{from.dtype, by_lanes ? from.rows : 1, by_lanes ? 1 : from.lanes};
    if (type(instr.results[0]) != to) return Error("has a result of a wrong type", 6);
    if (!IsPowerOfTwo(by_lanes ? from.lanes : from.rows)) {
      return Error("folds no power of two", 6);
    }
    if (!FitsCombiner(instr.combiner, from.dtype)) return Error("has a wrong combiner", 6);
    const bool ordered =
        instr.combiner == ir::Combiner::kMax || instr.combiner == ir::Combiner::kMin;
    if (instr.of_numbers && !(ordered && ir::IsFloat(from.dtype))) {
      return Error("is of_numbers, which only max and min of floats are", 6);
    }
    return absl::OkStatus();
  }

  absl::Status CheckMemory(const Instr& instr) const {
    const MemRef& m = instr.mem;
    const bool is_store = instr.op == Op::kStore;
    const Type& t = type(is_store ? instr.args[0] : instr.results[0]);
    const int params = static_cast<int>(kernel_.params.size());
    if (m.buffer < 0 || m.buffer >= params + static_cast<int>(kernel_.locals.size())) {
      return Error("names no buffer of the kernel", 8);
    }
    const bool is_param = m.buffer < params;
    const DType element =
        is_param ? kernel_.params[m.buffer].dtype : kernel_.locals[m.buffer - params].dtype;
    // Two neighbouring 16-bit elements may be loaded as the halves of an i32.
    const bool pair = !is_store && t.dtype == DType::kI32 && ir::ByteSize(element) == 2 &&
                      type(m.offset) == kI64Scalar && m.lane_stride.valid();
    if (element != t.dtype && !pair) return Error("differs from its buffer's element type", 8);
    if (is_param && is_store && !kernel_.params[m.buffer].written) {
      return Error(absl::StrCat("writes ", kernel_.params[m.buffer].name), 9);
    }
    if (is_param && !is_store && !kernel_.params[m.buffer].read) {
      return Error(absl::StrCat("reads ", kernel_.params[m.buffer].name), 9);
    }
    if (is_store && !in_parallel_) return Error("stands outside parallel", 10);
    return CheckAddress(m, t);
  }

  absl::Status CheckPrefetch(const Instr& instr) const {
    const MemRef& m = instr.mem;
    if (m.buffer < 0 || m.buffer >= static_cast<int>(kernel_.params.size())) {
      return Error("names no parameter of the kernel", 8);
    }
    for (ValueId v : {m.row_stride, m.lane_stride, m.lane_count, m.row_count, m.predicate}) {
      if (v.valid()) return Error("has more than an offset", 8);
    }
    if (m.non_temporal || instr.integer < 1) return Error("asks for no elements", 8);
    if (instr.level < 1 || instr.level > 3) return Error("has no level from 1 to 3", 8);
    if (instr.to_write && !kernel_.params[m.buffer].written) {
      return Error("asks to write what the kernel does not write", 8);
    }
    return CheckAddress(m, Type{});
  }

  absl::Status CheckAddress(const MemRef& m, const Type& t) const {
    TENON_RETURN_IF_ERROR(Use(m.offset));
    if (type(m.offset) != kI64Scalar) {
      if (type(m.offset) != Type{DType::kI64, 1, t.lanes} || t.rows != 1) {
        return Error("has an offset of a wrong type", 8);
      }
      if (m.row_stride.valid() || m.lane_stride.valid()) {
        return Error("has a vector of offsets and strides", 8);
      }
    }
    for (ValueId v : {m.row_stride, m.lane_stride, m.lane_count, m.row_count}) {
      if (!v.valid()) continue;
      TENON_RETURN_IF_ERROR(Use(v));
      if (type(v) != kI64Scalar) return Error("has a stride or count that is no i64 scalar", 8);
    }
    if (t.rows > 1 && !m.row_stride.valid()) return Error("needs a row stride", 8);
    if (!m.predicate.valid()) return absl::OkStatus();
    TENON_RETURN_IF_ERROR(Use(m.predicate));
    const Type& p = type(m.predicate);
    if (p.dtype != DType::kBool || (p.rows != 1 && p.rows != t.rows) ||
        (!p.is_scalar() && p.lanes != t.lanes)) {
      return Error("has a predicate of a wrong type", 8);
    }
    return absl::OkStatus();
  }

  absl::Status CheckFor(const Instr& instr) {
    if (type(instr.args[0]) != kI64Scalar || type(instr.args[1]) != kI64Scalar) {
      return Error("has bounds that are no i64 scalars", 11);
    }
    if (instr.integer <= 0) return Error("has no positive step", 11);
    if (instr.unroll < 0) return Error("has a negative unroll factor", 11);
    if (instr.unroll == 0 && !(constant_[instr.args[0].index] && constant_[instr.args[1].index])) {
      return Error("is to be unrolled fully but has no constant bounds", 11);
    }
    std::vector<Type> carried;
    for (size_t i = 2; i < instr.args.size(); ++i) carried.push_back(type(instr.args[i]));
    if (instr.results.size() != carried.size()) return Error("has results amiss", 11);
    for (size_t i = 0; i < carried.size(); ++i) {
      if (type(instr.results[i]) != carried[i]) return Error("has results amiss", 11);
    }
    std::vector<Type> params = carried;
    params.insert(params.begin(), kI64Scalar);
    return CheckInner(instr.blocks[0], params, carried);
  }

  absl::Status CheckIf(const Instr& instr) {
    if (type(instr.args[0]) != Type{DType::kBool}) return Error("has no bool condition", 12);
    std::vector<Type> results;
    for (ValueId r : instr.results) results.push_back(type(r));
    for (const Block& block : instr.blocks) {
      TENON_RETURN_IF_ERROR(CheckInner(block, {}, results));
    }
    return absl::OkStatus();
  }

  absl::Status CheckParallel(const Instr& instr) {
    if (depth_ != 0) return Error("stands inside another block", 10);
    if (type(instr.args[0]) != kI64Scalar) return Error("has a count that is no i64 scalar", 10);
    in_parallel_ = true;
    TENON_RETURN_IF_ERROR(CheckInner(instr.blocks[0], {kI64Scalar}, {}));
    in_parallel_ = false;
    return absl::OkStatus();
  }

  absl::Status CheckInner(const Block& block, const std::vector<Type>& params,
                          const std::vector<Type>& yields) {
    ++depth_;
    TENON_RETURN_IF_ERROR(CheckBlock(block, params, yields));
    --depth_;
    return absl::OkStatus();
  }

  absl::Status CheckFault(const Instr& instr) const {
    if (!in_parallel_) return Error("stands outside parallel", 10);
    const Type& condition = type(instr.args[0]);
    const Type& value = type(instr.args[1]);
    if (condition.dtype != DType::kBool) return Error("has no bool condition", 13);
    const bool same_shape = value.rows == condition.rows && value.lanes == condition.lanes;
    if (value.dtype != DType::kI64 || !(value.is_scalar() || same_shape)) {
      return Error("has a value of a wrong type", 13);
    }
    if (instr.integer == 0) return Error("has status 0", 13);
    return absl::OkStatus();
  }

  const Kernel& kernel_;
  std::vector<bool> defined_, visible_, constant_;
  const Instr* current_ = nullptr;
  int depth_ = 0;
  bool in_parallel_ = false;
};

}  // namespace

absl::Status Verify(const Kernel& kernel) { return KernelVerifier(kernel).Run(); }

}  // namespace tenon::kernel

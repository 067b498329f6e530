#include "tools/kernel_cost.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/ir/scalar.h"

namespace tenon::tools {
namespace {

using ir::DType;
using ir::ScalarValue;
using kernel::Block;
using kernel::Instr;
using kernel::Op;
using kernel::ValueId;

// Iterations that are looked at one by one, over the whole kernel; beyond them, all of a loop's but
// the last are taken to cost what its first one does.
constexpr int64_t kBudget = 1 << 14;

bool HasBlocks(const Block& block) {
  return std::any_of(block.instrs.begin(), block.instrs.end(),
                     [](const Instr& instr) { return !instr.blocks.empty(); });
}

class Counter {
 public:
  Counter(const kernel::Kernel& kernel, std::vector<std::optional<int64_t>> symbols)
      : kernel_(kernel),
        symbols_(std::move(symbols)),
        known_(kernel.types.size()),
        read_(kernel.params.size()),
        written_(kernel.params.size()) {}

  void Count(const Block& block, double times) {
    for (const Instr& instr : block.instrs) CountInstr(instr, times);
  }

  LaunchCost cost;
  const std::vector<double>& read() const { return read_; }
  const std::vector<double>& written() const { return written_; }

 private:
  void CountInstr(const Instr& instr, double times) {
    switch (instr.op) {
      case Op::kScalar:
        CountScalar(instr, times);
        break;
      case Op::kReduceLanes:
      case Op::kReduceRows: {
        const kernel::Type& from = kernel_.type(instr.args[0]);
        const kernel::Type& to = kernel_.type(instr.results[0]);
        AddFlops(to.dtype, times * (Elements(from) - Elements(to)));
        break;
      }
      case Op::kLoad:
        AddMemory(instr, kernel_.type(instr.results[0]), times, &read_);
        break;
      case Op::kStore:
        AddMemory(instr, kernel_.type(instr.args[0]), times, &written_);
        break;
      case Op::kConst:
        if (kernel_.type(instr.results[0]).is_scalar()) {
          Set(instr.results[0],
              ScalarValue::FromInt(kernel_.type(instr.results[0]).dtype, instr.integer));
        }
        break;
      case Op::kSymbol:
        if (symbols_[instr.integer]) {
          Set(instr.results[0], ScalarValue::FromInt(DType::kI64, *symbols_[instr.integer]));
        }
        break;
      case Op::kFor:
        CountLoop(instr, Integer(instr.args[0]), Integer(instr.args[1]), instr.integer, times);
        break;
      case Op::kParallel:
        CountLoop(instr, 0, Integer(instr.args[0]), 1, times);
        break;
      case Op::kIf:
        CountIf(instr, times);
        break;
      case Op::kTileDot:  // two products and two sums a pair
        cost.bf16_flops += times * 4 * kernel_.type(instr.args[0]).lanes *
                           Elements(kernel_.type(instr.results[0]));
        break;
      default:  // moves between registers
        break;
    }
  }

  void CountScalar(const Instr& instr, double times) {
    const kernel::Type& type = kernel_.type(instr.results[0]);
    const kernel::Type& operand = kernel_.type(instr.args.back());
    if (ir::IsFloat(operand.dtype) || ir::IsFloat(type.dtype)) {
      if (instr.scalar_op == ir::ScalarOp::kDot2) {
        cost.bf16_flops += times * 4 * Elements(type);
        return;
      }
      const int each = instr.scalar_op == ir::ScalarOp::kFma ? 2 : 1;
      const bool moves =
          instr.scalar_op == ir::ScalarOp::kSelect || instr.scalar_op == ir::ScalarOp::kBitcast;
      if (!moves) AddFlops(type.dtype, times * each * Elements(type));
      return;
    }
    if (!type.is_scalar()) return;
    std::vector<ScalarValue> args;
    for (ValueId arg : instr.args) {
      if (!known_[arg.index]) return Forget(instr.results[0]);
      args.push_back(*known_[arg.index]);
    }
    Set(instr.results[0], ir::EvalScalarOp(instr.scalar_op, type.dtype, true, args.data()));
  }

  void CountLoop(const Instr& instr, std::optional<int64_t> first, std::optional<int64_t> last,
                 int64_t step, double times) {
    const Block& body = instr.blocks[0];
    for (ValueId p : body.params) Forget(p);
    if (!first || !last || step <= 0) {
      cost.exact = false;
      return Count(body, times);
    }
    const int64_t trips = *last > *first ? (*last - *first + step - 1) / step : 0;
    const auto count = [&](int64_t i, double often) {
      Set(body.params[0], ScalarValue::FromInt(DType::kI64, *first + i * step));
      for (size_t p = 1; p < body.params.size(); ++p) Forget(body.params[p]);
      Count(body, times * often);
    };
    if (trips <= 1 || (HasBlocks(body) && trips <= budget_)) {
      for (int64_t i = 0; i < trips; ++i) count(i, 1);
      budget_ -= trips;
      return;
    }
    count(0, static_cast<double>(trips - 1));
    count(trips - 1, 1);
  }

  void CountIf(const Instr& instr, double times) {
    const std::optional<ScalarValue>& condition = known_[instr.args[0].index];
    if (condition) return Count(instr.blocks[condition->ToBool() ? 0 : 1], times);
    cost.exact = false;
    Count(instr.blocks[0], times);
  }

  void AddFlops(DType dtype, double count) {
    (dtype == DType::kF64 ? cost.f64_flops : cost.f32_flops) += count;
  }

  // Elements within the counts that are known here.
  void AddMemory(const Instr& instr, const kernel::Type& type, double times,
                 std::vector<double>* elements) {
    if (instr.mem.buffer >= static_cast<int32_t>(elements->size())) return;  // a local
    const auto limited = [&](int64_t full, ValueId count) {
      const std::optional<int64_t> n = count.valid() ? Integer(count) : std::nullopt;
      return static_cast<double>(n ? std::clamp<int64_t>(*n, 0, full) : full);
    };
    (*elements)[instr.mem.buffer] +=
        times * limited(type.rows, instr.mem.row_count) * limited(type.lanes, instr.mem.lane_count);
  }

  static double Elements(const kernel::Type& type) {
    return static_cast<double>(type.rows) * type.lanes;
  }
  void Set(ValueId v, ScalarValue value) { known_[v.index] = value; }
  void Forget(ValueId v) { known_[v.index].reset(); }
  std::optional<int64_t> Integer(ValueId v) const {
    if (!known_[v.index]) return std::nullopt;
    return known_[v.index]->ToInt();
  }

  const kernel::Kernel& kernel_;
  const std::vector<std::optional<int64_t>> symbols_;
  std::vector<std::optional<ScalarValue>> known_;  // integers and bools, by ValueId
  std::vector<double> read_, written_;             // elements, by parameter
  int64_t budget_ = kBudget;
};

}  // namespace

std::string LaunchName(const kernel::Program& program, const kernel::Launch& launch) {
  const kernel::Kernel& kernel = program.kernels[launch.kernel];
  std::string name = kernel.name;
  absl::string_view separator = " -> ";
  for (size_t p = 0; p < kernel.params.size(); ++p) {
    if (!kernel.params[p].written) continue;
    absl::StrAppend(&name, separator, program.buffers[launch.args[p].buffer].name);
    separator = ", ";
  }
  return name;
}

LaunchCost CostOf(const kernel::Program& program, const kernel::Launch& launch,
                  const ir::Extents& extents) {
  const kernel::Kernel& kernel = program.kernels[launch.kernel];
  const auto evaluate = [&](const ir::Dim& dim) -> std::optional<int64_t> {
    const absl::StatusOr<int64_t> value = dim.Evaluate(extents);
    return value.ok() ? std::optional<int64_t>(*value) : std::nullopt;
  };
  std::vector<std::optional<int64_t>> symbols;
  for (const ir::Dim& symbol : launch.symbols) symbols.push_back(evaluate(symbol));
  Counter counter(kernel, std::move(symbols));
  counter.Count(kernel.body, 1);
  LaunchCost cost = counter.cost;
  for (size_t p = 0; p < kernel.params.size(); ++p) {
    const kernel::Buffer& buffer = program.buffers[launch.args[p].buffer];
    const std::optional<int64_t> size = evaluate(buffer.size);
    const auto bytes = [&](double elements) {
      const double most = size ? static_cast<double>(*size) : elements;
      return std::min(elements, most) * static_cast<double>(ir::ByteSize(buffer.dtype));
    };
    cost.bytes_read += bytes(counter.read()[p]);
    cost.bytes_written += bytes(counter.written()[p]);
  }
  return cost;
}

}  // namespace tenon::tools

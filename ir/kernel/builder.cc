#include "tenon/ir/kernel/builder.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/kernel/canonical.h"
#include "tenon/ir/scalar.h"

namespace tenon::kernel {

using ir::ScalarOp;

namespace {

bool IsComparison(ScalarOp op) {
  return (op >= ScalarOp::kEq && op <= ScalarOp::kGe) || op == ScalarOp::kIsFinite;
}

// What makes two instructions without effects the same value.
std::string KeyOf(const Instr& instr, const Type& type) {
  std::string key =
      absl::StrCat(static_cast<int>(instr.op), ":", static_cast<int>(instr.scalar_op), ":",
                   static_cast<int>(instr.combiner), ":", instr.of_numbers, ":", instr.integer, ":",
                   std::bit_cast<uint64_t>(instr.real), ":", type.ToString());
  for (ValueId arg : instr.args) absl::StrAppend(&key, ",", arg.index);
  return key;
}

// Folds what cannot overflow; the rest is left to run time, where integers wrap.
std::optional<int64_t> FoldI64(ScalarOp op, int64_t a, int64_t b) {
  int64_t r = 0;
  const bool overflow = (op == ScalarOp::kAdd && __builtin_add_overflow(a, b, &r)) ||
                        (op == ScalarOp::kSub && __builtin_sub_overflow(a, b, &r)) ||
                        (op == ScalarOp::kMul && __builtin_mul_overflow(a, b, &r));
  if (overflow) return std::nullopt;
  if (op == ScalarOp::kAdd || op == ScalarOp::kSub || op == ScalarOp::kMul) return r;
  if (op == ScalarOp::kMin) return std::min(a, b);
  if (op == ScalarOp::kMax) return std::max(a, b);
  if (op == ScalarOp::kDiv && b > 0) return a / b;
  if (op == ScalarOp::kRem && b > 0) return a % b;
  return std::nullopt;
}

std::optional<bool> FoldComparison(ScalarOp op, int64_t a, int64_t b) {
  if (op == ScalarOp::kEq) return a == b;
  if (op == ScalarOp::kNe) return a != b;
  if (op == ScalarOp::kLt) return a < b;
  if (op == ScalarOp::kLe) return a <= b;
  if (op == ScalarOp::kGt) return a > b;
  if (op == ScalarOp::kGe) return a >= b;
  return std::nullopt;
}

}  // namespace

// A block being built, and the values that its instructions may share.
struct KernelBuilder::Scope {
  Block block;
  std::map<std::string, ValueId> known;
};

KernelBuilder::KernelBuilder(std::string name) : top_(std::make_unique<Scope>()) {
  kernel_.name = std::move(name);
  kernel_.types.emplace_back();
  scopes_.push_back(top_.get());
}

KernelBuilder::~KernelBuilder() = default;

int KernelBuilder::AddParam(Param param) {
  kernel_.params.push_back(std::move(param));
  is_local_.push_back(false);
  return static_cast<int>(is_local_.size()) - 1;
}

int KernelBuilder::AddLocal(Local local) {
  kernel_.locals.push_back(std::move(local));
  is_local_.push_back(true);
  return static_cast<int>(is_local_.size()) - 1;
}

ValueId KernelBuilder::NewValue(Type type) {
  kernel_.types.push_back(type);
  return ValueId{static_cast<uint32_t>(kernel_.types.size() - 1)};
}

ValueId KernelBuilder::Emit(Instr instr, Type type) {
  const bool shared = instr.op != Op::kLoad;
  std::string key;
  if (shared) {
    key = KeyOf(instr, type);
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      auto it = (*scope)->known.find(key);
      if (it != (*scope)->known.end()) return it->second;
    }
  }
  const ValueId result = NewValue(type);
  instr.results = {result};
  if (shared) scopes_.back()->known.emplace(std::move(key), result);
  scopes_.back()->block.instrs.push_back(std::move(instr));
  return result;
}

ValueId KernelBuilder::EmitHoisted(Instr instr, Type type) {
  auto [it, is_new] = hoisted_.try_emplace(KeyOf(instr, type));
  if (is_new) {
    it->second = NewValue(type);
    instr.results = {it->second};
    entry_.push_back(std::move(instr));
  }
  return it->second;
}

ValueId KernelBuilder::Symbol(const std::string& name) {
  auto it = std::find(kernel_.symbols.begin(), kernel_.symbols.end(), name);
  const int64_t number = it - kernel_.symbols.begin();
  if (it == kernel_.symbols.end()) kernel_.symbols.push_back(name);
  return EmitHoisted({.op = Op::kSymbol, .integer = number}, Type{DType::kI64});
}

ValueId KernelBuilder::ConstI64(int64_t value) {
  const ValueId v = EmitHoisted({.op = Op::kConst, .integer = value}, Type{DType::kI64});
  constants_[v.index] = value;
  return v;
}

ValueId KernelBuilder::Const(DType dtype, double value, int rows, int lanes) {
  const Type type{dtype, rows, lanes};
  if (ir::IsFloat(dtype)) return EmitHoisted({.op = Op::kConst, .real = value}, type);
  const int64_t integer = ir::ScalarValue::FromDouble(dtype, value).ToInt();  // saturates
  if (dtype == DType::kI64 && type.is_scalar()) return ConstI64(integer);
  const ValueId v = EmitHoisted({.op = Op::kConst, .integer = integer}, type);
  if (dtype == DType::kBool && type.is_scalar()) bool_constants_[v.index] = integer != 0;
  return v;
}

ValueId KernelBuilder::Iota(int lanes) {
  return EmitHoisted({.op = Op::kIota}, Type{DType::kI64, 1, lanes});
}

const int64_t* KernelBuilder::AsConst(ValueId v) const {
  auto it = constants_.find(v.index);
  return it == constants_.end() ? nullptr : &it->second;
}

ValueId KernelBuilder::Scalar(ScalarOp op, std::vector<ValueId> args, bool of_numbers) {
  TENON_CHECK(op != ScalarOp::kCast && op != ScalarOp::kBitcast);
  TENON_CHECK(static_cast<int>(args.size()) == ir::ScalarOpArity(op));
  Type result = type(args.back());
  const bool i64_pair = args.size() == 2 && type(args[0]) == Type{} && type(args[1]) == Type{};
  if (i64_pair && FoldI64(op, 1, 1).has_value()) return I64(op, args[0], args[1]);
  for (size_t i = 0; i < args.size(); ++i) {
    const Type& t = type(args[i]);
    TENON_CHECK(t.rows == result.rows || t.rows == 1 || result.rows == 1);
    TENON_CHECK(t.lanes == result.lanes || t.lanes == 1 || result.lanes == 1);
    const bool other = (op == ScalarOp::kSelect && i == 0) || (op == ScalarOp::kDot2 && i < 2);
    TENON_CHECK(t.dtype == result.dtype || other);
    result.rows = std::max(result.rows, t.rows);
    result.lanes = std::max(result.lanes, t.lanes);
  }
  if (IsComparison(op)) result.dtype = DType::kBool;
  if (op == ScalarOp::kPhilox) result.dtype = DType::kI32;
  if (i64_pair && AsConst(args[0]) != nullptr && AsConst(args[1]) != nullptr) {
    const std::optional<bool> folded = FoldComparison(op, *AsConst(args[0]), *AsConst(args[1]));
    if (folded.has_value()) return Const(DType::kBool, *folded ? 1 : 0);
  }
  if (op == ScalarOp::kSelect && type(args[1]) == result && type(args[2]) == result) {
    auto it = bool_constants_.find(args[0].index);
    if (it != bool_constants_.end()) return it->second ? args[1] : args[2];
  }
  if ((op == ScalarOp::kAnd || op == ScalarOp::kOr) && result == Type{DType::kBool}) {
    for (int side : {0, 1}) {
      auto it = bool_constants_.find(args[side].index);
      if (it == bool_constants_.end()) continue;
      return it->second == (op == ScalarOp::kAnd) ? args[1 - side] : args[side];
    }
  }
  return Emit(
      {.op = Op::kScalar, .scalar_op = op, .of_numbers = of_numbers, .args = std::move(args)},
      result);
}

ValueId KernelBuilder::Cast(DType dtype, ValueId v) {
  Type result = type(v);
  if (result.dtype == dtype) return v;
  result.dtype = dtype;
  return Emit({.op = Op::kScalar, .scalar_op = ScalarOp::kCast, .args = {v}}, result);
}

ValueId KernelBuilder::Bitcast(DType dtype, ValueId v) {
  Type result = type(v);
  if (result.dtype == dtype) return v;
  TENON_CHECK(ir::ByteSize(dtype) == ir::ByteSize(result.dtype));
  result.dtype = dtype;
  return Emit({.op = Op::kScalar, .scalar_op = ScalarOp::kBitcast, .args = {v}}, result);
}

ValueId KernelBuilder::SplitConstant(ValueId v, int64_t* constant) const {
  auto it = additions_.find(v.index);
  *constant = it == additions_.end() ? 0 : it->second.second;
  return it == additions_.end() ? v : it->second.first;
}

// Algebra on i64 scalars: constants to the right, (x + c) + d = x + (c + d), neutral elements.
ValueId KernelBuilder::I64(ScalarOp op, ValueId a, ValueId b) {
  const bool commutes =
      op == ScalarOp::kAdd || op == ScalarOp::kMul || op == ScalarOp::kMin || op == ScalarOp::kMax;
  if (commutes && AsConst(a) != nullptr) std::swap(a, b);
  const int64_t* left = AsConst(a);
  const int64_t* right = AsConst(b);
  if (left != nullptr && right != nullptr) {
    const std::optional<int64_t> folded = FoldI64(op, *left, *right);
    if (folded.has_value()) return ConstI64(*folded);
  }
  if (a == b && (op == ScalarOp::kMin || op == ScalarOp::kMax)) return a;
  if (a == b && op == ScalarOp::kSub) return ConstI64(0);
  if (right != nullptr) {
    const int64_t c = *right;
    if (c == 0 && (op == ScalarOp::kAdd || op == ScalarOp::kSub)) return a;
    if (c == 0 && op == ScalarOp::kMul) return b;
    if (c == 1 && (op == ScalarOp::kMul || op == ScalarOp::kDiv)) return a;
    if (c == 1 && op == ScalarOp::kRem) return ConstI64(0);
    if (op == ScalarOp::kSub && c != INT64_MIN) return I64(ScalarOp::kAdd, a, ConstI64(-c));
    int64_t inner = 0;
    const ValueId base = SplitConstant(a, &inner);
    if (op == ScalarOp::kAdd && base != a && FoldI64(op, inner, c).has_value()) {
      return I64(op, base, ConstI64(inner + c));
    }
  }
  const ValueId result =
      Emit({.op = Op::kScalar, .scalar_op = op, .args = {a, b}}, Type{DType::kI64});
  if (op == ScalarOp::kAdd && right != nullptr) additions_[result.index] = {a, *right};
  return result;
}

ValueId KernelBuilder::Add(ValueId a, ValueId b) { return Scalar(ScalarOp::kAdd, {a, b}); }
ValueId KernelBuilder::Sub(ValueId a, ValueId b) { return Scalar(ScalarOp::kSub, {a, b}); }
ValueId KernelBuilder::Mul(ValueId a, ValueId b) { return Scalar(ScalarOp::kMul, {a, b}); }
ValueId KernelBuilder::Min(ValueId a, ValueId b) { return Scalar(ScalarOp::kMin, {a, b}); }
ValueId KernelBuilder::Max(ValueId a, ValueId b) { return Scalar(ScalarOp::kMax, {a, b}); }

ValueId KernelBuilder::Div(ValueId a, int64_t positive) {
  TENON_CHECK(positive > 0);
  return Scalar(ScalarOp::kDiv, {a, Splat(ConstI64(positive), type(a).rows, type(a).lanes)});
}

ValueId KernelBuilder::Rem(ValueId a, int64_t positive) {
  TENON_CHECK(positive > 0);
  return Scalar(ScalarOp::kRem, {a, Splat(ConstI64(positive), type(a).rows, type(a).lanes)});
}

ValueId KernelBuilder::CeilDiv(ValueId a, int64_t positive) {
  return Div(Add(a, ConstI64(positive - 1)), positive);
}

ValueId KernelBuilder::FloorDiv(ValueId numerator, int64_t divisor, bool non_negative) {
  if (non_negative) return Div(numerator, divisor);
  // (x - mod(x)) / d with a remainder made non-negative: exact, so truncation does not matter.
  const ValueId rest = Rem(Add(Rem(numerator, divisor), ConstI64(divisor)), divisor);
  return Div(Sub(numerator, rest), divisor);
}

ValueId KernelBuilder::Polynomial(int64_t constant, const std::vector<ir::Dim::Term>& terms) {
  ValueId sum = ConstI64(0);
  for (const ir::Dim::Term& term : terms) {
    ValueId product = ConstI64(1);
    for (const ir::Dim::Atom& atom : term.factors) {
      if (!atom.symbol.empty()) {
        product = Mul(product, Symbol(atom.symbol));
        continue;
      }
      const std::optional<int64_t> lowest = atom.Numerator().LowerBound();
      product = Mul(product, FloorDiv(Polynomial(atom.numerator_constant, atom.numerator),
                                      atom.divisor, lowest.has_value() && *lowest >= 0));
    }
    sum = Add(sum, Mul(product, ConstI64(term.coefficient)));
  }
  return Add(sum, ConstI64(constant));
}

ValueId KernelBuilder::DimValue(const ir::Dim& dim) {
  return Polynomial(dim.constant_term(), dim.terms());
}

ValueId KernelBuilder::Splat(ValueId v, int rows, int lanes) {
  const Type from = type(v);
  if (from.rows == rows && from.lanes == lanes) return v;
  TENON_CHECK((from.rows == rows || from.rows == 1) && (from.lanes == lanes || from.lanes == 1));
  return Emit({.op = Op::kSplat, .args = {v}}, Type{from.dtype, rows, lanes});
}

ValueId KernelBuilder::Load(DType dtype, int rows, int lanes, MemRef mem) {
  return Emit({.op = Op::kLoad, .mem = mem}, Type{dtype, rows, lanes});
}

void KernelBuilder::Store(ValueId value, MemRef mem) {
  scopes_.back()->block.instrs.push_back({.op = Op::kStore, .args = {value}, .mem = mem});
}

ValueId KernelBuilder::ReduceLanes(ir::Combiner combiner, ValueId v, bool of_numbers) {
  const Type from = type(v);
  if (from.lanes == 1) return v;
  return Emit({.op = Op::kReduceLanes, .combiner = combiner, .of_numbers = of_numbers, .args = {v}},
              Type{from.dtype, from.rows, 1});
}

ValueId KernelBuilder::ReduceRows(ir::Combiner combiner, ValueId v) {
  const Type from = type(v);
  if (from.rows == 1) return v;
  return Emit({.op = Op::kReduceRows, .combiner = combiner, .args = {v}},
              Type{from.dtype, 1, from.lanes});
}

ValueId KernelBuilder::Transpose(ValueId v) {
  const Type from = type(v);
  if (from.is_scalar()) return v;
  return Emit({.op = Op::kTranspose, .args = {v}}, Type{from.dtype, from.lanes, from.rows});
}

ValueId KernelBuilder::Extract(ValueId v, int lane) {
  const Type from = type(v);
  TENON_CHECK(lane >= 0 && lane < from.lanes);
  if (from.lanes == 1) return v;
  return Emit({.op = Op::kExtract, .args = {v}, .integer = lane}, Type{from.dtype, from.rows, 1});
}

ValueId KernelBuilder::Row(ValueId v, int row) {
  const Type from = type(v);
  TENON_CHECK(row >= 0 && row < from.rows);
  if (from.rows == 1) return v;
  return Emit({.op = Op::kRow, .args = {v}, .integer = row}, Type{from.dtype, 1, from.lanes});
}

ValueId KernelBuilder::ConcatRows(std::vector<ValueId> values) {
  TENON_CHECK(!values.empty());
  if (values.size() == 1) return values[0];
  Type result = type(values[0]);
  result.rows = 0;
  for (ValueId v : values) {
    TENON_CHECK(type(v).dtype == result.dtype && type(v).lanes == result.lanes);
    result.rows += type(v).rows;
  }
  return Emit({.op = Op::kConcatRows, .args = std::move(values)}, result);
}

ValueId KernelBuilder::TileDot(ValueId a, ValueId b, ValueId c) {
  const Type x = type(a), y = type(b), result = type(c);
  TENON_CHECK(x.dtype == DType::kI32 && y.dtype == DType::kI32 && x.lanes == y.rows);
  TENON_CHECK((result == Type{DType::kF32, x.rows, y.lanes}));
  return Emit({.op = Op::kTileDot, .args = {a, b, c}}, result);
}

void KernelBuilder::CheckYields(const std::vector<ValueId>& yields,
                                const std::vector<Type>& types) const {
  TENON_CHECK(yields.size() == types.size());
  for (size_t i = 0; i < types.size(); ++i) TENON_CHECK(type(yields[i]) == types[i]);
}

std::vector<ValueId> KernelBuilder::BuildBlock(Block* block,
                                               const std::function<std::vector<ValueId>()>& body) {
  Scope scope;
  scope.block = std::move(*block);
  scopes_.push_back(&scope);
  std::vector<ValueId> yields = body();
  scope.block.instrs.push_back({.op = Op::kYield, .args = yields});
  scopes_.pop_back();
  *block = std::move(scope.block);
  return yields;
}

std::vector<ValueId> KernelBuilder::For(ValueId low, ValueId high, int64_t step,
                                        std::vector<ValueId> carried, const LoopBody& body,
                                        int unroll) {
  TENON_CHECK(step > 0);
  std::vector<Type> types;
  for (ValueId v : carried) types.push_back(type(v));
  if (AsConst(low) != nullptr && AsConst(high) != nullptr) {
    const int64_t trip = *AsConst(high) - *AsConst(low);
    if (trip <= 0) return carried;
    if (trip <= step) {
      std::vector<ValueId> results = body(low, carried);
      CheckYields(results, types);
      return results;
    }
  }
  Instr loop{.op = Op::kFor, .args = {low, high}, .integer = step, .unroll = unroll};
  loop.args.insert(loop.args.end(), carried.begin(), carried.end());
  Block block;
  const ValueId i = NewValue(Type{DType::kI64});
  std::vector<ValueId> inner;
  for (const Type& t : types) inner.push_back(NewValue(t));
  block.params = {i};
  block.params.insert(block.params.end(), inner.begin(), inner.end());
  CheckYields(BuildBlock(&block, [&] { return body(i, inner); }), types);
  loop.blocks.push_back(std::move(block));
  for (const Type& t : types) loop.results.push_back(NewValue(t));
  std::vector<ValueId> results = loop.results;
  scopes_.back()->block.instrs.push_back(std::move(loop));
  return results;
}

std::vector<ValueId> KernelBuilder::If(ValueId condition,
                                       const std::function<std::vector<ValueId>()>& if_true,
                                       const std::function<std::vector<ValueId>()>& if_false) {
  auto it = bool_constants_.find(condition.index);
  const std::function<std::vector<ValueId>()> nothing = [] { return std::vector<ValueId>(); };
  const auto& otherwise = if_false ? if_false : nothing;
  if (it != bool_constants_.end()) return it->second ? if_true() : otherwise();
  Instr branch{.op = Op::kIf, .args = {condition}};
  branch.blocks.resize(2);
  const std::vector<ValueId> yields = BuildBlock(&branch.blocks[0], if_true);
  std::vector<Type> types;
  for (ValueId v : yields) types.push_back(type(v));
  CheckYields(BuildBlock(&branch.blocks[1], otherwise), types);
  for (const Type& t : types) branch.results.push_back(NewValue(t));
  std::vector<ValueId> results = branch.results;
  scopes_.back()->block.instrs.push_back(std::move(branch));
  return results;
}

void KernelBuilder::Parallel(ValueId chunks, const std::function<void(ValueId chunk)>& body) {
  TENON_CHECK(scopes_.size() == 1);
  Instr section{.op = Op::kParallel, .args = {chunks}};
  Block block;
  const ValueId chunk = NewValue(Type{DType::kI64});
  block.params = {chunk};
  // The only chunk has a known number.
  const bool single = AsConst(chunks) != nullptr && *AsConst(chunks) == 1;
  BuildBlock(&block, [&] {
    body(single ? ConstI64(0) : chunk);
    return std::vector<ValueId>();
  });
  section.blocks.push_back(std::move(block));
  scopes_.back()->block.instrs.push_back(std::move(section));
}

void KernelBuilder::Fault(ValueId condition, int64_t status, int32_t site, ValueId value) {
  auto it = bool_constants_.find(condition.index);
  if (it != bool_constants_.end() && !it->second) return;
  scopes_.back()->block.instrs.push_back(
      {.op = Op::kFault, .args = {condition, value}, .integer = status, .site = site});
}

void KernelBuilder::Prefetch(int buffer, ValueId offset, int64_t elements, int level,
                             bool to_write) {
  scopes_.back()->block.instrs.push_back({.op = Op::kPrefetch,
                                          .mem = {.buffer = buffer, .offset = offset},
                                          .integer = elements,
                                          .level = level,
                                          .to_write = to_write});
}

void KernelBuilder::Fence() { scopes_.back()->block.instrs.push_back({.op = Op::kFence}); }

namespace {

void RenumberBuffers(Block* block, const std::vector<int>& number) {
  for (Instr& instr : block->instrs) {
    if (instr.mem.buffer >= 0) instr.mem.buffer = number[instr.mem.buffer];
    for (Block& inner : instr.blocks) RenumberBuffers(&inner, number);
  }
}

}  // namespace

Kernel KernelBuilder::Finish() {
  TENON_CHECK(scopes_.size() == 1);
  kernel_.body = std::move(scopes_.back()->block);
  kernel_.body.instrs.push_back({.op = Op::kYield});
  kernel_.body.instrs.insert(kernel_.body.instrs.begin(), std::make_move_iterator(entry_.begin()),
                             std::make_move_iterator(entry_.end()));
  std::vector<int> number;
  int next_param = 0, next_local = static_cast<int>(kernel_.params.size());
  for (bool is_local : is_local_) number.push_back(is_local ? next_local++ : next_param++);
  RenumberBuffers(&kernel_.body, number);
  RemoveDeadInstrs(&kernel_);
  Renumber(&kernel_);
  return std::move(kernel_);
}

}  // namespace tenon::kernel

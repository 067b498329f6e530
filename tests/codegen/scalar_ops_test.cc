// Every scalar op on every element type it takes, at several lane counts with a masked tail: native
// code against the kernel interpreter.
#include <map>

#include "absl/strings/str_cat.h"
#include "tests/codegen/harness.h"

namespace tenon::codegen {
namespace {

using ir::DType;
using ir::ScalarOp;
using kernel::KernelBuilder;
using kernel::ValueId;

constexpr DType kNumbers[] = {DType::kF32, DType::kF64, DType::kI8,
                              DType::kU8,  DType::kI32, DType::kI64};

// out[i] = op(a[i], b[i], c[i]) for i below n, in chunks of `lanes`.
kernel::Program ElementWise(ScalarOp op, std::vector<DType> args, DType result, int lanes,
                            int64_t n) {
  KernelBuilder k("op");
  std::vector<int> params;
  for (size_t a = 0; a < args.size(); ++a) {
    params.push_back(k.AddParam({.name = absl::StrCat("arg", a), .dtype = args[a]}));
  }
  const int out = k.AddParam({.name = "out", .dtype = result, .written = true, .read = false});
  const ValueId size = k.Symbol("n");
  k.Parallel(k.CeilDiv(size, lanes), [&](ValueId chunk) {
    const ValueId offset = k.Mul(chunk, k.ConstI64(lanes));
    const ValueId count = k.Sub(size, offset);
    std::vector<ValueId> values;
    for (size_t a = 0; a < args.size(); ++a) {
      values.push_back(
          k.Load(args[a], 1, lanes, {.buffer = params[a], .offset = offset, .lane_count = count}));
    }
    ValueId value;
    if (op == ScalarOp::kCast) {
      value = k.Cast(result, values[0]);
    } else if (op == ScalarOp::kBitcast) {
      value = k.Bitcast(result, values[0]);
    } else {
      value = k.Scalar(op, values);
    }
    k.Store(value, {.buffer = out, .offset = offset, .lane_count = count});
  });
  const ir::Dim dim = ir::Dim("n").AtMost(n);
  return ProgramOf(k.Finish(), std::vector<ir::Dim>(args.size() + 1, dim), {{"n", n}});
}

struct Case {
  ScalarOp op;
  std::vector<DType> args;
  DType result;
};

// All ops of one test are kernels of one program.
struct Group {
  std::string name;
  std::vector<Case> cases;
};

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  const auto add = [&](ScalarOp op, DType dtype, int arity, DType result) {
    cases.push_back({op, std::vector<DType>(arity, dtype), result});
  };
  for (const DType t : kNumbers) {
    for (const ScalarOp op : {ScalarOp::kAdd, ScalarOp::kSub, ScalarOp::kMul, ScalarOp::kDiv,
                              ScalarOp::kRem, ScalarOp::kMax, ScalarOp::kMin}) {
      add(op, t, 2, t);
    }
    for (const ScalarOp op : {ScalarOp::kNeg, ScalarOp::kAbs, ScalarOp::kSign}) add(op, t, 1, t);
    add(ScalarOp::kFma, t, 3, t);
    for (const ScalarOp op : {ScalarOp::kEq, ScalarOp::kNe, ScalarOp::kLt, ScalarOp::kLe,
                              ScalarOp::kGt, ScalarOp::kGe}) {
      add(op, t, 2, DType::kBool);
    }
    cases.push_back({ScalarOp::kSelect, {DType::kBool, t, t}, t});
  }
  for (const DType t : {DType::kI8, DType::kU8, DType::kI32, DType::kI64}) {
    for (const ScalarOp op : {ScalarOp::kShl, ScalarOp::kShrLogical, ScalarOp::kShrArithmetic}) {
      add(op, t, 2, t);
    }
  }
  for (const DType t : {DType::kI8, DType::kU8, DType::kI32, DType::kI64, DType::kBool}) {
    for (const ScalarOp op : {ScalarOp::kAnd, ScalarOp::kOr, ScalarOp::kXor}) add(op, t, 2, t);
    add(ScalarOp::kNot, t, 1, t);
  }
  for (const DType t : {DType::kF32, DType::kF64}) {
    for (const ScalarOp op :
         {ScalarOp::kFloor, ScalarOp::kCeil, ScalarOp::kRound, ScalarOp::kTrunc, ScalarOp::kSqrt}) {
      add(op, t, 1, t);
    }
    add(ScalarOp::kIsFinite, t, 1, DType::kBool);
    for (int op = static_cast<int>(ScalarOp::kExp); op < static_cast<int>(ScalarOp::kPow); ++op) {
      add(static_cast<ScalarOp>(op), t, 1, t);
    }
    add(ScalarOp::kPow, t, 2, t);
  }
  for (int from = 0; from < ir::kNumDTypes; ++from) {
    for (int to = 0; to < ir::kNumDTypes; ++to) {
      add(ScalarOp::kCast, static_cast<DType>(from), 1, static_cast<DType>(to));
    }
  }
  add(ScalarOp::kBitcast, DType::kF32, 1, DType::kI32);
  add(ScalarOp::kBitcast, DType::kI32, 1, DType::kF32);
  add(ScalarOp::kBitcast, DType::kF64, 1, DType::kI64);
  add(ScalarOp::kBitcast, DType::kBF16, 1, DType::kF16);
  add(ScalarOp::kPhilox, DType::kI64, 3, DType::kI32);
  cases.push_back({ScalarOp::kDot2, {DType::kI32, DType::kI32, DType::kF32}, DType::kF32});
  return cases;
}

// Grouped by the type worked on; casts and transcendental functions apart, since they are many or
// big.
std::vector<Group> Groups() {
  std::map<std::string, Group> groups;
  for (Case& c : AllCases()) {
    std::string name(ir::DTypeName(c.args.back()));
    if (c.op == ScalarOp::kCast) name += "_cast";
    if (c.op >= ScalarOp::kExp && c.op <= ScalarOp::kPow) name += "_functions";
    Group& group = groups[name];
    group.name = name;
    group.cases.push_back(std::move(c));
  }
  std::vector<Group> list;
  for (auto& [name, group] : groups) list.push_back(std::move(group));
  return list;
}

class ScalarOps : public testing::TestWithParam<Group> {};

TEST_P(ScalarOps, NativeEqualsInterpreter) {
  constexpr int64_t kSize = 277;  // no multiple of any lane count
  std::vector<kernel::Program> programs;
  std::vector<ir::Literal> inputs;
  std::string outputs;
  for (const Case& c : GetParam().cases) {
    for (const int lanes : {1, 16}) {
      absl::StrAppend(&outputs, " ", programs.size(), "=", ir::ScalarOpName(c.op), "->",
                      ir::DTypeName(c.result), "x", lanes);
      programs.push_back(ElementWise(c.op, c.args, c.result, lanes, kSize));
      for (size_t a = 0; a < c.args.size(); ++a) {
        inputs.push_back(Provocative(c.args[a], kSize, a * 7 + static_cast<uint64_t>(c.op)));
      }
    }
  }
  SCOPED_TRACE(outputs);
  ExpectNativeEqualsInterpreter(Join(programs), {kSize}, inputs, Emulate::kYes);
}

INSTANTIATE_TEST_SUITE_P(All, ScalarOps, testing::ValuesIn(Groups()),
                         [](const testing::TestParamInfo<Group>& info) { return info.param.name; });

}  // namespace
}  // namespace tenon::codegen

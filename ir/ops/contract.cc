// contract: any einsum of two operands.
#include <algorithm>

#include "absl/strings/string_view.h"
#include "tenon/ir/ops/common.h"

namespace tenon::ir::ops {
namespace {

struct Spec {
  std::string a, b, out;
};

absl::StatusOr<Spec> ParseSpec(absl::string_view spec) {
  const size_t comma = spec.find(','), arrow = spec.find("->");
  if (comma == absl::string_view::npos || arrow == absl::string_view::npos || comma > arrow) {
    return Error("spec \"", spec, "\" is not of the form \"mk,kn->mn\"");
  }
  Spec s{std::string(spec.substr(0, comma)), std::string(spec.substr(comma + 1, arrow - comma - 1)),
         std::string(spec.substr(arrow + 2))};
  for (const std::string* letters : {&s.a, &s.b, &s.out}) {
    for (size_t i = 0; i < letters->size(); ++i) {
      const char c = (*letters)[i];
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) {
        return Error("spec \"", spec, "\" has '", std::string(1, c), "' where a letter is needed");
      }
      if (letters->find(c, i + 1) != std::string::npos) {
        return Error("spec \"", spec, "\" names '", std::string(1, c), "' twice in one tensor");
      }
    }
  }
  for (char c : s.out) {
    if (s.a.find(c) == std::string::npos && s.b.find(c) == std::string::npos) {
      return Error("spec \"", spec, "\": no operand has the result's '", std::string(1, c), "'");
    }
  }
  return s;
}

// The spec of an op that has been inferred, so it parses.
Spec SpecOf(const ContractAttrs& a) { return ParseSpec(a.spec).value(); }

const Dim& ExtentOf(char c, const Spec& s, const TensorType& a, const TensorType& b) {
  const size_t i = s.a.find(c);
  return i != std::string::npos ? a.dims[i] : b.dims[s.b.find(c)];
}

Types Infer(const InferContext& c) {
  TENON_ASSIGN_OR_RETURN(const Spec s, ParseSpec(c.attrs<ContractAttrs>().spec));
  const TensorType &a = c.operands[0], &b = c.operands[1];
  if (a.dtype != b.dtype) {
    return Error("the element types differ: ", DTypeName(a.dtype), " and ", DTypeName(b.dtype));
  }
  TENON_RETURN_IF_ERROR(CheckNumber(a.dtype));
  if (static_cast<int>(s.a.size()) != a.rank()) {
    return Error("\"", s.a, "\" names ", s.a.size(), " dimensions of ", a.ToString());
  }
  if (static_cast<int>(s.b.size()) != b.rank()) {
    return Error("\"", s.b, "\" names ", s.b.size(), " dimensions of ", b.ToString());
  }
  for (size_t i = 0; i < s.a.size(); ++i) {
    const size_t j = s.b.find(s.a[i]);
    if (j != std::string::npos && !(a.dims[i] == b.dims[j])) {
      return Error("'", std::string(1, s.a[i]), "' is ", a.dims[i].ToString(), " in ", a.ToString(),
                   " and ", b.dims[j].ToString(), " in ", b.ToString());
    }
  }
  TensorType result{SumType(a.dtype, c.attrs<ContractAttrs>().wide), {}};
  for (char letter : s.out) result.dims.push_back(ExtentOf(letter, s, a, b));
  return {{result}};
}

ComputeDef Compute(const OpView& v) {
  const Spec s = SpecOf(v.attrs<ContractAttrs>());
  const DType dtype = v.operands[0].dtype;
  // Result letters, then summed ones in the order in which a and b name them.
  std::string letters = s.out;
  for (char c : s.a + s.b) {
    if (letters.find(c) == std::string::npos) letters += c;
  }
  ComputeDef def;
  def.num_parallel = static_cast<int>(s.out.size());
  for (char c : letters) def.domain.push_back(ExtentOf(c, s, v.operands[0], v.operands[1]));
  for (int operand = 0; operand < 2; ++operand) {
    Access access{operand, {}};
    for (char c : operand == 0 ? s.a : s.b) {
      access.index.push_back(At(Affine::Iterator(static_cast<int>(letters.find(c)))));
    }
    def.accesses.push_back(std::move(access));
  }
  int a = def.body.Access(0, dtype), b = def.body.Access(1, dtype);
  if (def.num_reduced() > 0) {
    def.compute_class = ComputeClass::kContract;
    def.combiner = Combiner::kSum;
  }
  // Products are not rounded to 16 bits, only the sum is.
  const bool widen = def.num_reduced() > 0 || v.attrs<ContractAttrs>().wide;
  if (widen && ComputeType(dtype) != dtype) {
    a = def.body.Cast(ComputeType(dtype), a);
    b = def.body.Cast(ComputeType(dtype), b);
  }
  def.body.Op(ScalarOp::kMul, {a, b});
  return def;
}

// The cotangent of the operand with letters `own`, whose other operand has letters `other`.
Value OperandGradient(const Value& g, const std::string& out, const Value& x,
                      const std::string& own, const Value& y, const std::string& other) {
  // Letters that x alone has were summed over: the cotangent is the same all along them.
  std::string reached;
  std::vector<int64_t> axes;
  for (size_t i = 0; i < own.size(); ++i) {
    if (out.find(own[i]) == std::string::npos && other.find(own[i]) == std::string::npos) continue;
    reached += own[i];
    axes.push_back(static_cast<int64_t>(i));
  }
  const Value dx = Contract(absl::StrCat(out, ",", other, "->", reached), g, y);
  return reached == own ? dx : Broadcast(dx, x.shape(), axes);
}

}  // namespace

template <>
OpDef Define<OpCode::kContract>() {
  OpDef def{};
  def.summary =
      "The sum of products that `spec` describes, such as \"bmk,bkn->bmn\": one letter a "
      "dimension, no letter twice in one tensor. Letters that the result lacks are summed over. "
      "bf16 and f16 multiply and accumulate in f32 and round once; with `wide` they do not round, "
      "and the result is f32.";
  def.min_operands = def.max_operands = 2;
  def.compute_class = ComputeClass::kContract;
  def.infer = Infer;
  def.compute = Compute;
  def.differentiability = Differentiability::kRule;
  def.gradient = [](GradContext& c) -> Cotangents {
    const Spec s = SpecOf(c.attrs<ContractAttrs>());
    const Value &a = c.operands[0], &b = c.operands[1];
    const Value g = NarrowCotangent(c);
    Cotangents out(2);
    if (c.needed[0]) out[0] = OperandGradient(g, s.out, a, s.a, b, s.b);
    if (c.needed[1]) out[1] = OperandGradient(g, s.out, b, s.b, a, s.a);
    return out;
  };
  return def;
}

}  // namespace tenon::ir::ops

// Ops without tensor operands: constants, indices, random bits.
#include "tenon/ir/ops/common.h"

namespace tenon::ir::ops {

template <>
OpDef Define<OpCode::kConstant>() {
  OpDef def{};
  def.summary = "A literal tensor of static shape, written into the graph.";
  def.min_operands = def.max_operands = 0;
  def.compute_class = ComputeClass::kConstant;
  def.infer = [](const InferContext& c) -> Types {
    return {{c.attrs<ConstantAttrs>().value.type()}};
  };
  def.differentiability = Differentiability::kZero;
  def.gradient_note = "depends on nothing";
  return def;
}

template <>
OpDef Define<OpCode::kIota>() {
  OpDef def{};
  def.summary =
      "A tensor of the given type in which every element is its own index along `axis`, converted "
      "to the element type.";
  def.min_operands = def.max_operands = 0;
  def.compute_class = ComputeClass::kMap;
  def.infer = [](const InferContext& c) -> Types {
    const auto& a = c.attrs<IotaAttrs>();
    TENON_RETURN_IF_ERROR(CheckNumber(a.type.dtype));
    TENON_RETURN_IF_ERROR(CheckAxis(a.axis, a.type.rank(), "axis"));
    return {{a.type}};
  };
  def.compute = [](const OpView& v) {
    ComputeDef nest = ElementwiseNest(v);
    const int i = nest.body.Iterator(static_cast<int>(v.attrs<IotaAttrs>().axis));
    if (v.results[0].dtype != DType::kI64) nest.body.Cast(v.results[0].dtype, i);
    return nest;
  };
  def.differentiability = Differentiability::kZero;
  def.gradient_note = "depends on nothing";
  return def;
}

template <>
OpDef Define<OpCode::kRandomBits>() {
  OpDef def{};
  def.summary =
      "i32 bits of the given shape: word 0 of Philox 4x32-10 with the element's row-major index "
      "and the attribute `stream` as its counter and the operand, an i64 scalar, as its key. The "
      "same key and stream give the same bits on every target and for any number of threads.";
  def.min_operands = def.max_operands = 1;
  def.compute_class = ComputeClass::kMap;
  def.infer = [](const InferContext& c) -> Types {
    if (!(c.operands[0] == TensorType{DType::kI64, {}})) {
      return Error("the key is ", c.operands[0].ToString(), "; i64[] is needed");
    }
    return {{TensorType{DType::kI32, c.attrs<RandomBitsAttrs>().shape}}};
  };
  def.compute = [](const OpView& v) {
    ComputeDef nest;
    nest.domain = v.results[0].dims;
    nest.num_parallel = v.results[0].rank();
    nest.accesses.push_back({0, {}});
    ScalarBody& body = nest.body;
    const int key = body.Access(0, DType::kI64);
    // The row-major index by Horner's rule.
    int index = body.ConstantI64(0);
    for (int d = 0; d < nest.num_parallel; ++d) {
      if (d > 0) {
        const Dim& extent = nest.domain[d];
        const int factor =
            extent.is_constant() ? body.ConstantI64(extent.constant()) : body.Extent(d);
        index = body.Op(ScalarOp::kMul, {index, factor});
      }
      const int iterator = body.Iterator(d);
      index = d == 0 ? iterator : body.Op(ScalarOp::kAdd, {index, iterator});
    }
    const int stream = body.ConstantI64(v.attrs<RandomBitsAttrs>().stream);
    body.Op(ScalarOp::kPhilox, {key, index, stream});
    return nest;
  };
  def.differentiability = Differentiability::kZero;
  def.gradient_note = "the key is an integer";
  return def;
}

}  // namespace tenon::ir::ops

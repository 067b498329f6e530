// What type rules refuse, and what they say: the op, what does not fit, and both sides of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tenon/ir/builder.h"
#include "tenon/ir/text.h"

namespace tenon::ir {
namespace {

using ::testing::HasSubstr;

struct Refusal {
  std::string says;
  std::function<Value(GraphBuilder&)> build;
};

Value In(GraphBuilder& b, DType dtype, Shape shape) {
  return b.Input("x" + std::to_string(b.graph().inputs().size()), dtype, std::move(shape));
}
Value One(GraphBuilder& b, OpCode op, Attributes attributes, std::vector<Value> operands) {
  return b.Apply(op, std::move(attributes), std::move(operands))[0];
}
Dim N() { return Dim("n").AtMost(8); }

std::vector<Refusal> Refusals() {
  return {
      {"exp(i32[3]): a floating-point type is needed, not i32",
       [](GraphBuilder& b) { return Exp(In(b, I32, {3})); }},
      {"add(bool[3], bool[3]): numbers are needed, not bool",
       [](GraphBuilder& b) { return In(b, Bool, {3}) + In(b, Bool, {3}); }},
      {"the element types differ",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {3}), y = In(b, F64, {3});
         return x * y;
       }},
      {"add(f32[n], f32[8]): the shapes do not broadcast: dimension -1 is n here and 8 there",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {N()}), y = In(b, F32, {8});
         return x + y;
       }},
      {"add(f32[2], f32[3]): the left operand is f32[2] and the right f32[3]: they differ in "
       "dimension 0, 2 against 3",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {2}), y = In(b, F32, {3});
         return One(b, OpCode::kAdd, NoAttrs{}, {x, y});
       }},
      {"and(f32[1], f32[1]): bool or an integer type is needed, not f32",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {1});
         return And(x, x);
       }},
      {"shl(bool[1], bool[1]): an integer type is needed, not bool",
       [](GraphBuilder& b) {
         Value x = In(b, Bool, {1});
         return Shl(x, x);
       }},
      {"select(f32[2], f32[2], f32[2]): the condition is f32[2]; bool is needed",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {2});
         return Select(x, x, x);
       }},
      {"bitcast(f32[2]): f32 has 4 bytes and f64 8",
       [](GraphBuilder& b) { return Bitcast(In(b, F32, {2}), F64); }},
      {"reduce(f32[2,3]): axis 2 is out of range for rank 2",
       [](GraphBuilder& b) {
         return ReduceSum(In(b, F32, {2, 3}), {2});
       }},
      {"reduce(f32[2,3]): axis 1 is named twice",
       [](GraphBuilder& b) {
         return ReduceSum(In(b, F32, {2, 3}), {1, -1});
       }},
      {"reduce(f32[2]): and reduces bool, not f32",
       [](GraphBuilder& b) { return ReduceAll(In(b, F32, {2})); }},
      {"cumulative(f32[2]): axis 5 is out of range for rank 1",
       [](GraphBuilder& b) { return Cumulative(Combiner::kSum, In(b, F32, {2}), 5); }},
      {"dimension 0: a window that spans 5 does not fit the padded extent 3",
       [](GraphBuilder& b) {
         WindowAttrs a;
         a.window = {5};
         return WindowReduce(In(b, F32, {3}), a);
       }},
      {"a window that spans 3 may not fit the padded extent n",
       [](GraphBuilder& b) {
         WindowAttrs a;
         a.window = {3};
         return WindowReduce(In(b, F32, {N()}), a);
       }},
      {"contract(f32[2,3], f32[4,5]): 'k' is 3 in f32[2,3] and 4 in f32[4,5]",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {2, 3}), y = In(b, F32, {4, 5});
         return Contract("mk,kn->mn", x, y);
       }},
      {"\"mkj\" names 3 dimensions of f32[2,3]",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {2, 3});
         return Contract("mkj,kn->mn", x, x);
       }},
      {"spec \"mk,kn\" is not of the form",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {2, 2});
         return Contract("mk,kn", x, x);
       }},
      {"names 'm' twice in one tensor",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {2, 2});
         return Contract("mm,kn->mn", x, x);
       }},
      {"no operand has the result's 'z'",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {2, 2});
         return Contract("mk,kn->mz", x, x);
       }},
      {"matmul(f32[2], f32[2]): matrices are needed",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {2});
         return MatMul(x, x);
       }},
      {"conv(f32[1,5,5,3], f32[3,3,4,8]): the input has 3 channels and the filter 4 in each of 1",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {1, 5, 5, 3}), f = In(b, F32, {3, 3, 4, 8});
         return Conv(x, f, {});
       }},
      {"spatial extent n of the filter is not constant",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {1, 5, 3}), f = In(b, F32, {N(), 3, 4});
         return Conv(x, f, {});
       }},
      {"3 output channels do not split into 2 groups",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {1, 5, 4}), f = In(b, F32, {1, 2, 3});
         ConvAttrs a;
         a.groups = 2;
         return Conv(x, f, a);
       }},
      {"reshape(f32[2,3]): f32[2,3] has 6 elements and f32[4] 4",
       [](GraphBuilder& b) {
         return Reshape(In(b, F32, {2, 3}), {4});
       }},
      {"reshape(f32[n]): f32[n] has n elements and f32[8] 8",
       [](GraphBuilder& b) { return Reshape(In(b, F32, {N()}), {8}); }},
      {"transpose(f32[2,3]): axis 0 is named twice",
       [](GraphBuilder& b) {
         return Transpose(In(b, F32, {2, 3}), {0, 0});
       }},
      {"transpose(f32[2,3]): permutation has 1 entries where 2 are needed, one a dimension",
       [](GraphBuilder& b) {
         return Transpose(In(b, F32, {2, 3}), {0});
       }},
      {"dimension 0 of f32[3] does not stretch to 4, dimension 1 of [2,4]",
       [](GraphBuilder& b) {
         return BroadcastTo(In(b, F32, {3}), {2, 4});
       }},
      {"slice(f32[4]): [1, 5) does not always lie inside dimension 0 of extent 4",
       [](GraphBuilder& b) { return Slice(In(b, F32, {4}), {1}, {5}); }},
      {"slice(f32[n]): [0, 1) does not always lie inside dimension 0 of extent n",
       [](GraphBuilder& b) { return Slice(In(b, F32, {N()}), {0}, {1}); }},
      {"low -3 and high -3 may crop more than extent 4 of dimension 0",
       [](GraphBuilder& b) { return Pad(In(b, F32, {4}), 0, {-3}, {-3}); }},
      {"extent n may be 0, and then has no gaps to fill",
       [](GraphBuilder& b) { return Pad(In(b, F32, {N()}), 0, {0}, {0}, {1}); }},
      {"operand 0 is f32[2,3] and operand 1 f32[2,4]: only the extents along axis 0 may differ",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {2, 3}), y = In(b, F32, {2, 4});
         return Concat({x, y}, 0);
       }},
      {"gather(f32[3], f32[2]): indices are f32",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {3}), i = In(b, F32, {2});
         return Gather(x, i, 0);
       }},
      {"batch dimension 0 is 3 in f32[3,4] and 2 in i64[2,5]",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {3, 4}), i = In(b, I64, {2, 5});
         return Gather(x, i, 1, 1);
       }},
      {"updates is f32[3,4] and the gathered slices f32[2,4]",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {5, 4}), i = In(b, I64, {2}), u = In(b, F32, {3, 4});
         return Scatter(ScatterKind::kAdd, x, i, u, 0);
       }},
      {"size 5 does not always fit dimension 0 of extent 4",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {4}), s = In(b, I64, {});
         return DynamicSlice(x, {s}, {5});
       }},
      {"start 0 is i32[]; i64[] is needed",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {4}), s = In(b, I32, {});
         return DynamicSlice(x, {s}, {2});
       }},
      {"random_bits(i32[]): the key is i32[]; i64[] is needed",
       [](GraphBuilder& b) { return RandomBits(In(b, I32, {}), {3}); }},
      {"3 operands where 2 are needed",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {1});
         return One(b, OpCode::kAdd, NoAttrs{}, {x, x, x});
       }},
      {"the attributes are another op's",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {1});
         return One(b, OpCode::kTranspose, NoAttrs{}, {x});
       }},
      {"an operand is a default-constructed Value",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {1});
         return One(b, OpCode::kAdd, NoAttrs{}, {x, Value()});
       }},
      {"iota(): axis 2 is out of range for rank 1",
       [](GraphBuilder& b) {
         return b.Iota({I64, {4}}, 2);
       }},
      {"cond(f32[], f32[2]): the predicate is f32[]; bool[] is needed",
       [](GraphBuilder& b) {
         Value p = In(b, F32, {}), x = In(b, F32, {2});
         auto same = [](GraphBuilder&, std::vector<Value> v) { return v; };
         return Cond(p, {x}, same, same)[0];
       }},
      {"result 0 of the branch for true is f32[] and that of the branch for false f32[2]",
       [](GraphBuilder& b) {
         Value p = In(b, Bool, {}), x = In(b, F32, {2});
         return Cond(
             p, {x},
             [](GraphBuilder&, std::vector<Value> v) -> std::vector<Value> {
               return {ReduceSum(v[0])};
             },
             [](GraphBuilder&, std::vector<Value> v) { return v; })[0];
       }},
      {"output 0 of region 'body' is f32[] and the carry f32[2]",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {2});
         return While(
             {x},
             [](GraphBuilder&, std::vector<Value> v) -> std::vector<Value> {
               return {Lt(ReduceSum(v[0]), 1)};
             },
             [](GraphBuilder&, std::vector<Value> v) -> std::vector<Value> {
               return {ReduceSum(v[0])};
             })[0];
       }},
      {"has no leading dimension of extent 5",
       [](GraphBuilder& b) {
         Value x = In(b, F32, {4, 2});
         return Scan({}, {x}, 5, [](GraphBuilder&, std::vector<Value> v) { return v; })[0];
       }},
      {"scan(f32[]): a scalar cannot be scanned over",
       [](GraphBuilder& b) {
         return Scan({}, {In(b, F32, {})}, 5,
                     [](GraphBuilder&, std::vector<Value> v) { return v; })[0];
       }},
  };
}

TEST(Infer, RefusalsNameOpTypesAndReason) {
  for (const Refusal& refusal : Refusals()) {
    GraphBuilder b;
    const Value y = refusal.build(b);
    EXPECT_FALSE(y.ok()) << refusal.says;
    const absl::StatusOr<Graph> graph = b.Build({{"y", y}});
    ASSERT_FALSE(graph.ok()) << refusal.says;
    const std::string message(graph.status().message());
    EXPECT_THAT(message, HasSubstr(refusal.says));
    EXPECT_THAT(message, HasSubstr("infer_test.cc:"));
  }
}

}  // namespace
}  // namespace tenon::ir

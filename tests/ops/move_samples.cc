// Samples of ops that move elements.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/ops/sample.h"

namespace tenon::tests {
namespace {

using namespace ir;  // NOLINT: the builder's functions read as mathematics

const std::vector<Extents> kSizes = {{{"n", 0}}, {{"n", 1}}, {{"n", 7}}, {{"n", 64}}};
Dim N() { return Dim("n").AtMost(64); }

// The same sample on f32 and, differentiated, on f64.
void AddBoth(SampleList& list, const std::string& name, OpCode op,
             const std::function<std::vector<Value>(SampleBuilder&, DType)>& build) {
  list.Add(name, op, [=](SampleBuilder& s) { return build(s, F32); });
  list.Add(name + "/gradient", op, [=](SampleBuilder& s) { return build(s, F64); })
      .Differentiable();
}

void AddShapes(SampleList& list) {
  AddBoth(list, "reshape/split", OpCode::kReshape, [](SampleBuilder& s, DType t) {
    return std::vector<Value>{Reshape(s.In(t, {6, 4}), {2, 3, 2, 2})};
  });
  AddBoth(list, "reshape/scalar", OpCode::kReshape, [](SampleBuilder& s, DType t) {
    return std::vector<Value>{Reshape(s.In(t, {1, 1}), {}), Reshape(s.In(t, {}), {1, 1, 1})};
  });
  list.Add("reshape/empty", OpCode::kReshape, [](SampleBuilder& s) {
    return std::vector<Value>{Reshape(s.In(F32, {0, 3}), {5, 0})};
  });
  list.Add("reshape/computed", OpCode::kReshape, [](SampleBuilder& s) {
    return std::vector<Value>{Exp(Reshape(Transpose(s.In(F32, {5, 7}), {1, 0}), {35})) * 2};
  });
  list.Add("reshape/symbolic", OpCode::kReshape,
           [](SampleBuilder& s) {
             return std::vector<Value>{Reshape(s.In(F32, {N(), 4, 3}), {N() * Dim(2), 6})};
           })
      .At(kSizes);
  for (DType t : {BF16, I8, I64, Bool}) {
    list.Add("transpose/" + Name(t), OpCode::kTranspose, [=](SampleBuilder& s) {
      return std::vector<Value>{Transpose(s.In(t, {3, 5, 2}), {2, 0, 1})};
    });
  }
  const std::vector<std::vector<int64_t>> permutations = {
      {1, 0, 2}, {2, 1, 0}, {0, 2, 1}, {0, 1, 2}};
  for (const auto& p : permutations) {
    AddBoth(list, "transpose/" + absl::StrJoin(p, ""), OpCode::kTranspose,
            [=](SampleBuilder& s, DType t) {
              return std::vector<Value>{Transpose(s.In(t, {4, 3, 5}), p)};
            });
  }
  list.Add("transpose/large", OpCode::kTranspose, [](SampleBuilder& s) {
    return std::vector<Value>{Transpose(s.In(F32, {65, 70}), {1, 0})};
  });
  list.Add("transpose/rank8", OpCode::kTranspose, [](SampleBuilder& s) {
    return std::vector<Value>{
        Transpose(s.In(F32, {2, 1, 2, 3, 1, 2, 2, 2}), {7, 3, 0, 5, 1, 2, 6, 4})};
  });
  list.Add("transpose/symbolic", OpCode::kTranspose,
           [](SampleBuilder& s) {
             return std::vector<Value>{Transpose(s.In(F32, {3, N()}), {1, 0})};
           })
      .At(kSizes);
  AddBoth(list, "broadcast/new", OpCode::kBroadcast, [](SampleBuilder& s, DType t) {
    return std::vector<Value>{Broadcast(s.In(t, {3}), {2, 3, 4}, {1})};
  });
  AddBoth(list, "broadcast/stretch", OpCode::kBroadcast, [](SampleBuilder& s, DType t) {
    return std::vector<Value>{BroadcastTo(s.In(t, {2, 1, 4}), {3, 2, 5, 4}),
                              BroadcastTo(s.In(t, {}), {3}), BroadcastTo(s.In(t, {1}), {1})};
  });
  list.Add("broadcast/symbolic", OpCode::kBroadcast,
           [](SampleBuilder& s) {
             return std::vector<Value>{BroadcastTo(s.In(F64, {1, 3}), {N(), 3}),
                                       BroadcastTo(s.In(F64, {N(), 1}), {2, N(), 3})};
           })
      .At(kSizes);
}

void AddSlices(SampleList& list) {
  AddBoth(list, "slice/plain", OpCode::kSlice, [](SampleBuilder& s, DType t) {
    return std::vector<Value>{Slice(s.In(t, {5, 6}), {1, 2}, {4, 6})};
  });
  AddBoth(list, "slice/strided", OpCode::kSlice, [](SampleBuilder& s, DType t) {
    return std::vector<Value>{Slice(s.In(t, {7, 9}), {1, 0}, {7, 8}, {2, 3})};
  });
  AddBoth(list, "slice/empty", OpCode::kSlice, [](SampleBuilder& s, DType t) {
    return std::vector<Value>{Slice(s.In(t, {4, 3}), {2, 0}, {2, 3}), ReduceSum(s.In(t, {2}))};
  });
  list.Add("slice/symbolic", OpCode::kSlice,
           [](SampleBuilder& s) {
             Value x = s.In(F64, {N() + Dim(3), 4});
             return std::vector<Value>{Slice(x, {1, 0}, {N() + Dim(1), 4}),
                                       Slice(x, {N(), 1}, {N() + Dim(2), 3}),
                                       Slice(x, {0, 0}, {N() + Dim(3), 4}, {2, 1})};
           })
      .At({{{"n", 0}}, {{"n", 1}}, {{"n", 6}}})
      .Differentiable();
}

void AddPads(SampleList& list) {
  AddBoth(list, "pad/plain", OpCode::kPad, [](SampleBuilder& s, DType t) {
    return std::vector<Value>{Pad(s.In(t, {2, 3}), s.In(t, {}), {1, 0}, {0, 2})};
  });
  AddBoth(list, "pad/interior", OpCode::kPad, [](SampleBuilder& s, DType t) {
    return std::vector<Value>{Pad(s.In(t, {3, 4}), s.In(t, {}), {1, 2}, {0, 1}, {2, 1})};
  });
  AddBoth(list, "pad/crop", OpCode::kPad, [](SampleBuilder& s, DType t) {
    return std::vector<Value>{Pad(s.In(t, {5, 6}), 7, {-1, 2}, {-2, -3}, {0, 1})};
  });
  // A padded value that one kernel both sums and stores: no point beyond the tensor has a value.
  list.Add("pad/reduced", OpCode::kPad,
           [](SampleBuilder& s) {
             Value padded = Pad(Tanh(s.In(F32, {Dim("m").AtMost(7)})), 0.5, {0}, {1});
             return std::vector<Value>{padded, ReduceSum(padded)};
           })
      .At({{{"m", 0}}, {{"m", 2}}, {{"m", 7}}});
  list.Add("pad/empty", OpCode::kPad, [](SampleBuilder& s) {
    return std::vector<Value>{Pad(s.In(I32, {0, 2}), 5, {1, 0}, {2, 1})};
  });
  list.Add("pad/symbolic", OpCode::kPad,
           [](SampleBuilder& s) {
             Value x = s.In(F64, {N(), 3});
             return std::vector<Value>{Pad(x, s.In(F64, {}), {1, N()}, {2, 0})};
           })
      .At({{{"n", 0}}, {{"n", 1}}, {{"n", 4}}})
      .Differentiable();
}

void AddConcats(SampleList& list) {
  AddBoth(list, "concat/rows", OpCode::kConcat, [](SampleBuilder& s, DType t) {
    return std::vector<Value>{Concat({s.In(t, {2, 3}), s.In(t, {0, 3}), s.In(t, {4, 3})}, 0)};
  });
  AddBoth(list, "concat/columns", OpCode::kConcat, [](SampleBuilder& s, DType t) {
    Value x = s.In(t, {3, 2});
    return std::vector<Value>{Concat({x, s.In(t, {3, 5}), x * 2}, -1), Concat({x}, 0)};
  });
  list.Add("concat/bool", OpCode::kConcat, [](SampleBuilder& s) {
    return std::vector<Value>{Concat({s.In(Bool, {17}), s.In(Bool, {5})}, 0)};
  });
  list.Add("concat/symbolic", OpCode::kConcat,
           [](SampleBuilder& s) {
             return std::vector<Value>{
                 Concat({s.In(F64, {3, N()}), s.In(F64, {3, 2}), s.In(F64, {3, N() * Dim(2)})}, 1)};
           })
      .At({{{"n", 0}}, {{"n", 1}}, {{"n", 5}}})
      .Differentiable();
  AddBoth(list, "reverse/both", OpCode::kReverse, [](SampleBuilder& s, DType t) {
    Value x = s.In(t, {3, 18});
    return std::vector<Value>{Reverse(x, {1}), Reverse(x, {0, 1}), Reverse(x, {})};
  });
  list.Add("reverse/symbolic", OpCode::kReverse,
           [](SampleBuilder& s) {
             return std::vector<Value>{Reverse(s.In(F32, {N(), 3}), {0})};
           })
      .At(kSizes);
}

}  // namespace

void AddMoveSamples(SampleList& list) {
  AddShapes(list);
  AddSlices(list);
  AddPads(list);
  AddConcats(list);
}

}  // namespace tenon::tests

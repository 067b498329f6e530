#include "tests/passes/random_graph.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tenon/ir/builder.h"
#include "tenon/ir/check.h"

namespace tenon::passes {

using namespace ir;  // NOLINT: ops by the dozen

namespace {

using Values = std::vector<Value>;

class Generator {
 public:
  Generator(GraphBuilder& builder, std::mt19937_64& rng, int depth, bool smooth)
      : b_(builder), rng_(rng), depth_(depth), smooth_(smooth) {}

  void AddValue(Value v) {
    if (v.ok()) pool_.push_back(v);
  }
  const Values& pool() const { return pool_; }

  void Inputs(int count) {
    for (int i = 0; i < count; ++i) {
      const DType dtype = smooth_ ? F32 : Chance(5) ? I32 : Chance(8) ? BF16 : F32;
      AddValue(b_.Input("x" + std::to_string(i), dtype, RandomShape()));
    }
    AddValue(b_.Input("scalar", F32, {}));
  }

  void Step() {
    if (smooth_ && Chance(3)) return Smooth();
    switch (Below(depth_ > 0 ? 16 : 14)) {
      case 0:
      case 1:
        return smooth_ ? Smooth() : Unary();
      case 2:
      case 3:
        return smooth_ ? Smooth() : Chance(2) ? WithConstant() : Binary();
      case 4:
        return smooth_ ? Smooth() : WithConstant();
      case 5:
        return smooth_ ? Smooth() : Choose();
      case 6:
        return smooth_ ? Smooth() : Conversion();
      case 7:
        return Reduction();
      case 8:
        return Broadcasting();
      case 9:
        return Reshaping();
      case 10:
        return Transposing();
      case 11:
        return Cutting();
      case 12:
        return Joining();
      case 13:
        return Contraction();
      case 14:
        return Branch();
      case 15:
        return Loop();
    }
  }

 private:
  uint64_t Below(uint64_t n) { return rng_() % n; }
  bool Chance(uint64_t n) { return Below(n) == 0; }
  Value Pick() { return pool_[Below(pool_.size())]; }
  Value PickFloat() {
    for (int i = 0; i < 8; ++i) {
      const Value v = Pick();
      if (v.dtype() == F32) return v;
    }
    return Cast(Pick(), F32);
  }
  Dim RandomDim() {
    if (Chance(5)) return Dim("n").AtMost(6);
    if (Chance(30)) return Dim(0);
    return Dim(static_cast<int64_t>(1 + Below(4)));
  }
  Shape RandomShape() {
    Shape shape;
    for (uint64_t rank = Below(4); shape.size() < rank;) shape.push_back(RandomDim());
    return shape;
  }
  double Number() {
    const double numbers[] = {0.0, -0.0, 1, -1, 2, 0.5, 3, std::numeric_limits<double>::infinity()};
    return numbers[Below(std::size(numbers))];
  }
  // `v` with the given type, by whatever means.
  Value Like(Value v, const TensorType& type) {
    if (v.dtype() != type.dtype) v = Cast(v, type.dtype);
    if (v.shape() == type.dims) return v;
    if (v.type().NumElements() == type.NumElements()) return Reshape(v, type.dims);
    // The largest of nothing is infinite.
    if (smooth_) return Broadcast(Tanh(ReduceSum(v)), type.dims, {});
    Value scalar = ReduceMax(v.dtype() == Bool ? Cast(v, I32) : v);
    if (scalar.dtype() != type.dtype) scalar = Cast(scalar, type.dtype);
    return Broadcast(scalar, type.dims, {});
  }
  // Another value of v's type: preferably one that there is.
  Value Partner(Value v) {
    for (int i = 0; i < 6; ++i) {
      const Value other = Pick();
      if (other.type() == v.type()) return other;
    }
    return Like(Pick(), v.type());
  }

  // Lipschitz in everything that goes in, and bounded where it multiplies.
  void Smooth() {
    const Value x = PickFloat(), y = Partner(x);
    const Value c = b_.Full(x.type(), static_cast<double>(Below(3)) - 1);
    switch (Below(10)) {
      case 0:
        return AddValue(-x);
      case 1:
        return AddValue(Sin(x));
      case 2:
        return AddValue(Sigmoid(x));
      case 3:
        return AddValue(Tanh(x) * Tanh(y));
      case 4:
        return AddValue(Tanh(x + y));
      case 5:
        return AddValue(Tanh(x - y));
      case 6:
        return AddValue(Max(x, Chance(2) ? y : c));
      case 7:
        return AddValue(Chance(2) ? x + c : c - x);
      case 8:
        return AddValue(x * c);
      case 9:
        return AddValue(Pow(Tanh(x), b_.Full(x.type(), 2)) / b_.Full(x.type(), 4));
    }
  }

  void Unary() {
    const Value x = PickFloat();
    switch (Below(12)) {
      case 0:
        return AddValue(-x);
      case 1:
        return AddValue(Abs(x));
      case 2:
        return AddValue(Exp(x));
      case 3:
        return AddValue(Tanh(x));
      case 4:
        return AddValue(Sqrt(x));
      case 5:
        return AddValue(Sigmoid(x));
      case 6:
        return AddValue(Sign(x));
      case 7:
        return AddValue(Floor(x));
      case 8:
        return AddValue(StopGradient(x));
      case 9:
        return AddValue(Sin(x));
      case 10:
        return AddValue(Log1p(Abs(x)));
      case 11:
        return AddValue(-(-x));
    }
  }

  void Binary() {
    Value x = Pick();
    if (x.dtype() == Bool) {
      const Value y = Partner(x);
      return AddValue(Chance(2) ? And(x, y) : Chance(2) ? Or(x, Not(y)) : Xor(x, y));
    }
    const Value y = Chance(6) ? x : Partner(x);
    switch (Below(7)) {
      case 0:
        return AddValue(x + y);
      case 1:
        return AddValue(x - y);
      case 2:
        return AddValue(x * y);
      case 3:
        return AddValue(x / y);
      case 4:
        return AddValue(Max(x, y));
      case 5:
        return AddValue(Min(x, y));
      case 6:
        return AddValue(x + -y);
    }
  }

  void WithConstant() {
    const Value x = PickFloat();
    const Value c = b_.Full(x.type(), Number());
    const Value left = Chance(2) ? x : c;
    const Value right = left.id() == x.id() ? c : x;
    switch (Below(6)) {
      case 0:
        return AddValue(left + right);
      case 1:
        return AddValue(left - right);
      case 2:
        return AddValue(left * right);
      case 3:
        return AddValue(left / right);
      case 4:
        return AddValue(Max(left, right));
      case 5:
        return AddValue(Pow(Abs(x), c));
    }
  }

  Value Condition(const Shape& shape) {
    const Value x = Like(PickFloat(), {F32, shape});
    const Value y = Chance(2) ? b_.Full(x.type(), Number()) : Partner(x);
    Value p = Chance(3) ? Ne(x, y) : Chance(2) ? Lt(x, y) : Ge(x, y);
    if (Chance(3)) p = Not(p);
    return p;
  }
  void Choose() {
    const Value x = Pick();
    const Value p = Condition(x.shape());
    AddValue(p);
    if (x.dtype() != Bool) AddValue(Select(p, x, Chance(5) ? x : Partner(x)));
  }

  void Conversion() {
    const DType types[] = {F32, I32, Bool, BF16, F64, I64, U8};
    AddValue(Cast(Pick(), types[Below(std::size(types))]));
  }

  void Reduction() {
    const Value x = Pick();
    std::vector<int64_t> axes;
    for (int64_t axis = 0; axis < x.rank(); ++axis) {
      if (Chance(2)) axes.push_back(axis);
    }
    if (axes.empty()) {
      if (x.rank() == 0) return;
      axes = {static_cast<int64_t>(Below(x.rank()))};
    }
    if (x.dtype() == Bool) return AddValue(Chance(2) ? ReduceAll(x, axes) : ReduceAny(x, axes));
    if (Chance(4)) return AddValue(Cumulative(Combiner::kSum, x, axes[0], Chance(2), Chance(2)));
    const bool keep = Chance(3);
    if (smooth_) return AddValue(Tanh(ReduceSum(x, axes, keep)));
    AddValue(Chance(2)   ? ReduceSum(x, axes, keep)
             : Chance(2) ? ReduceMax(x, axes, keep)
                         : ReduceMin(x, axes, keep));
  }

  void Broadcasting() {
    const Value x = Pick();
    if (x.rank() > 3) return;
    Shape shape;
    std::vector<int64_t> axes;
    for (int i = 0; i <= x.rank(); ++i) {
      while (shape.size() + static_cast<size_t>(x.rank() - i) < 4 && Chance(3)) {
        shape.push_back(RandomDim());
      }
      if (i == x.rank()) break;
      axes.push_back(static_cast<int64_t>(shape.size()));
      const bool one = x.shape()[i].is_constant() && x.shape()[i].constant() == 1;
      shape.push_back(one && Chance(2) ? RandomDim() : x.shape()[i]);
    }
    AddValue(Broadcast(x, shape, axes));
  }

  void Reshaping() {
    const Value x = Pick();
    Shape shape;
    switch (Below(3)) {
      case 0:  // flat
        shape = {x.type().NumElements()};
        break;
      case 1:  // extents of 1 come and go
        for (const Dim& d : x.shape()) {
          if (!(d == Dim(1)) || Chance(2)) shape.push_back(d);
          if (shape.size() < 4 && Chance(3)) shape.push_back(Dim(1));
        }
        break;
      case 2:  // the first two merge
        shape = x.shape();
        if (shape.size() >= 2) {
          shape[1] = shape[0] * shape[1];
          shape.erase(shape.begin());
        }
        break;
    }
    AddValue(Reshape(x, shape));
  }

  void Transposing() {
    const Value x = Pick();
    std::vector<int64_t> permutation;
    for (int64_t i = 0; i < x.rank(); ++i) permutation.push_back(i);
    std::shuffle(permutation.begin(), permutation.end(), rng_);
    const Value y = Transpose(x, permutation);
    AddValue(y);
    if (Chance(3))
      AddValue(Reverse(y, x.rank() > 0 ? std::vector<int64_t>{0} : std::vector<int64_t>{}));
  }

  void Cutting() {
    const Value x = Pick();
    Shape start, limit;
    std::vector<int64_t> stride;
    for (const Dim& d : x.shape()) {
      const bool cut = d.is_constant() && d.constant() > 1;
      start.push_back(cut ? Dim(static_cast<int64_t>(Below(2))) : Dim(0));
      limit.push_back(cut && Chance(2) ? d - 1 : d);
      stride.push_back(cut && Chance(4) ? 2 : 1);
      if (limit.back().is_constant() && limit.back().constant() < start.back().constant()) {
        limit.back() = start.back();
      }
    }
    AddValue(Slice(x, start, limit, stride));
  }

  void Joining() {
    const Value x = Pick();
    if (x.rank() == 0 || x.dtype() == Bool) return;
    const int64_t axis = static_cast<int64_t>(Below(x.rank()));
    if (Chance(2)) {
      Shape low(x.rank(), Dim(0)), high(x.rank(), Dim(0));
      low[axis] = static_cast<int64_t>(Below(3));
      high[axis] = static_cast<int64_t>(Below(2));
      return AddValue(Pad(x, b_.Scalar(x.dtype(), static_cast<double>(Below(2))), low, high));
    }
    AddValue(Concat(Chance(4) ? Values{x} : Values{x, Partner(x)}, axis));
  }

  void Contraction() {
    const Value x = PickFloat();
    if (x.rank() == 0) return;
    // y shares some of x's letters and has one of its own; the result has some of all.
    const std::string letters = std::string("abcdefgh").substr(0, x.rank());
    std::string other, result;
    Shape shape;
    for (size_t i = 0; i < letters.size(); ++i) {
      const bool shared = Chance(2);
      if (shared) {
        other += letters[i];
        shape.push_back(x.shape()[i]);
      }
      if (Chance(2)) result += letters[i];
    }
    if (Chance(2)) {
      other += 'z';
      shape.push_back(RandomDim());
      result += 'z';
    }
    std::shuffle(result.begin(), result.end(), rng_);
    const Value y = Like(PickFloat(), {F32, shape});
    AddValue(Tanh(Contract(letters + "," + other + "->" + result, x, y)));
  }

  // A region's body: a few ops on what it gets; results of the types in `results`.
  Values Body(GraphBuilder& region, const Values& arguments,
              const std::vector<TensorType>& results) {
    Generator inner(region, rng_, depth_ - 1, smooth_);
    for (Value v : arguments) inner.AddValue(v);
    for (int i = 0; i < 4; ++i) inner.Step();
    Values out;
    for (const TensorType& type : results) out.push_back(inner.Like(inner.Pick(), type));
    return out;
  }

  void Branch() {
    const Value x = PickFloat(), y = Pick();
    const Value p =
        smooth_ ? b_.Scalar(Bool, static_cast<double>(Below(2))) : ReduceAny(Condition({2}));
    const std::vector<TensorType> types = {x.type(), y.type()};
    const auto body = [&](GraphBuilder& r, Values a) { return Body(r, a, types); };
    for (Value v : Cond(p, {x, y, PickFloat()}, body, body)) AddValue(v);
  }

  void Loop() {
    const Value x = PickFloat(), y = Pick(), captured = PickFloat();
    Values scanned;
    Dim length = static_cast<int64_t>(Below(4));
    const Value candidate = PickFloat();
    if (candidate.rank() > 0) {
      scanned = {candidate};
      length = candidate.shape()[0];
    }
    const std::vector<TensorType> types = {x.type(), y.type(), x.type()};
    const bool invariant = Chance(3);
    const auto body = [&](GraphBuilder& r, Values a) {
      const Value carry = a[1];
      a.push_back(Tanh(captured));
      Values out = Body(r, a, types);
      if (invariant) out[1] = carry;
      return out;
    };
    for (Value v : Scan({x, y}, scanned, length, body, Chance(2))) AddValue(v);
  }

  GraphBuilder& b_;
  std::mt19937_64& rng_;
  int depth_;
  bool smooth_;
  Values pool_;
};

}  // namespace

Graph RandomGraph(const RandomGraphOptions& options) {
  std::mt19937_64 rng(options.seed);
  GraphBuilder b("random");
  Generator generator(b, rng, options.depth, options.smooth);
  generator.Inputs(3);
  for (int i = 0; i < options.num_ops; ++i) generator.Step();
  std::vector<std::pair<std::string, Value>> outputs;
  const Values& pool = generator.pool();
  // Where much is an output, little can hide; where little is, more may be rewritten.
  if (rng() % 2 == 0) {
    for (size_t i = 0; i + 4 < pool.size(); i += 2) {
      outputs.emplace_back("z" + std::to_string(i), pool[i]);
    }
  }
  Value loss = b.Scalar(F32, 0);
  for (size_t i = 0; i < 4; ++i) {
    const Value v = pool[pool.size() - 1 - i];
    outputs.emplace_back("y" + std::to_string(i), v);
    if (IsFloat(v.dtype())) loss = loss + ReduceSum(Cast(v, F32));
  }
  if (options.loss) outputs.emplace_back("loss", loss);
  absl::StatusOr<Graph> graph = b.Build(outputs);
  if (!graph.ok())
    std::fprintf(stderr, "seed %llu: %s\n", static_cast<unsigned long long>(options.seed),
                 graph.status().ToString().c_str());
  TENON_CHECK(graph.ok());
  return *std::move(graph);
}

}  // namespace tenon::passes

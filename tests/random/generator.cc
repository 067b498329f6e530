#include "tests/random/generator.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/builder.h"
#include "tenon/ir/check.h"

namespace tenon::tests {
namespace {

using namespace ir;  // NOLINT: the builder's functions read as mathematics

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed), builder_("random") {
    smooth_ = Chance(0.4);
    dtype_ = smooth_ ? F64 : Pick<DType>({F32, F32, F32, F64, BF16, F16});
    n_ = Dim("n").AtMost(12);
    m_ = Dim("m").AtMost(7);
  }

  absl::StatusOr<RandomGraph> Run();

 private:
  // --- Chance
  int64_t Below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  bool Chance(double p) { return static_cast<double>(random_() >> 11) * 0x1p-53 < p; }
  template <typename T>
  T Pick(std::vector<T> choices) {
    return choices[Below(static_cast<int64_t>(choices.size()))];
  }

  // --- Values
  Dim AnyDim() {
    return Chance(0.3) ? (Chance(0.7) ? n_ : m_)
                       : Dim(Pick<int64_t>({1, 2, 3, 4, 5, 8, 16, 17, 20}));
  }
  Shape AnyShape() {
    Shape shape;
    const int64_t rank = Pick<int64_t>({0, 1, 1, 2, 2, 2, 3, 3});
    for (int64_t i = 0; i < rank; ++i) shape.push_back(AnyDim());
    return shape;
  }
  Value In(DType dtype, Shape shape, Fill fill = Uniform(-1.5, 1.5)) {
    fills_.push_back(std::move(fill));
    const std::string name = absl::StrCat("x", fills_.size() - 1);
    return builder_.Input(name, dtype, std::move(shape));
  }
  // A float value made so far.
  Value Any() { return pool_[Below(static_cast<int64_t>(pool_.size()))]; }
  Value AnyOfRank(int low) {
    std::vector<Value> fit;
    for (const Value& v : pool_) {
      if (v.rank() >= low) fit.push_back(v);
    }
    return fit.empty() ? In(dtype_, {AnyDim(), AnyDim(), AnyDim()}) : Pick(fit);
  }
  // One that broadcasts against `shape`: of equal shape where there is one, or a new input with
  // some dimensions 1 or left out.
  Value Partner(const Value& v) {
    std::vector<Value> fit;
    for (const Value& w : pool_) {
      if (w.shape() == v.shape()) fit.push_back(w);
    }
    if (!fit.empty() && Chance(0.7)) return Pick(fit);
    Shape shape = v.shape();
    for (Dim& d : shape) {
      if (Chance(0.2)) d = Dim(1);
    }
    if (!shape.empty() && Chance(0.3)) shape.erase(shape.begin());
    return In(dtype_, shape);
  }
  int64_t Axis(const Value& v) { return Below(v.rank()); }
  // Keeps values of order 1, so that long chains stay finite and smooth ones comparable.
  Value Tame(const Value& v) {
    switch (Below(3)) {
      case 0:
        return Tanh(v);
      case 1:
        return Sin(v);
      default:
        return v * 0.25;
    }
  }
  std::vector<int64_t> SomeAxes(const Value& v) {
    std::vector<int64_t> axes;
    for (int64_t i = 0; i < v.rank(); ++i) {
      if (Chance(0.5)) axes.push_back(i);
    }
    if (axes.empty()) axes.push_back(Axis(v));
    return axes;
  }
  std::vector<int64_t> Shuffled(int rank) {
    std::vector<int64_t> p(rank);
    std::iota(p.begin(), p.end(), 0);
    for (int i = rank - 1; i > 0; --i) std::swap(p[i], p[Below(i + 1)]);
    return p;
  }

  // --- Steps, by class: each gives one new value.
  Value UnaryStep();
  Value BinaryStep();
  Value RoughStep();  // with kinks and jumps
  Value ReduceStep();
  Value ContractStep();
  Value MoveStep();
  Value SliceStep();
  Value IndexStep();
  Value WindowStep();
  Value CompositeStep();
  Value ControlStep();
  Value Step();

  std::mt19937_64 random_;
  GraphBuilder builder_;
  bool smooth_;
  DType dtype_;
  Dim n_, m_;
  std::vector<Value> pool_;
  std::vector<Fill> fills_;
};

Value Generator::UnaryStep() {
  const Value x = Any();
  switch (Below(11)) {
    case 0:
      return Exp(Tanh(x));
    case 1:
      return Log(x * x + 0.5);
    case 2:
      return Log1p(Sigmoid(x));
    case 3:
      return Sqrt(x * x + 1);
    case 4:
      return Rsqrt(x * x + 0.5);
    case 5:
      return Cos(x);
    case 6:
      return Tanh(x);
    case 7:
      return Sigmoid(x);
    case 8:
      return Erf(x);
    case 9:
      return Expm1(Sin(x));
    default:
      return -x;
  }
}

Value Generator::BinaryStep() {
  const Value x = Any();
  const Value y = Partner(x);
  switch (Below(6)) {
    case 0:
      return x + y;
    case 1:
      return x - y;
    case 2:
      return Tame(x * y);
    case 3:
      return x / (y * y + 1);
    case 4:
      return x * 0.5 + 1;
    default:
      return y - x * 0.125;
  }
}

Value Generator::RoughStep() {
  const Value x = Any();
  const Value y = Partner(x);
  switch (Below(10)) {
    case 0:
      return Max(x, y);
    case 1:
      return Min(x, y);
    case 2:
      return Abs(x);
    case 3:
      return Select(Lt(x, y), x, y * 2);
    case 4:
      return Select(And(Gt(x, 0), Not(Ge(y, 0.5))), x, 0);
    case 5:
      return Floor(x * 3) * 0.25;
    case 6:
      return Cast(Cast(x * 8, I32), dtype_);
    case 7:
      return Cast(Gt(x, y), dtype_) + Sign(y);
    case 8:
      return Max(x, 0);
    default:
      return Cast(Cast(x, Pick<DType>({F32, BF16, F16, F64})), dtype_);
  }
}

Value Generator::ReduceStep() {
  const Value x = AnyOfRank(1);
  const std::vector<int64_t> axes = SomeAxes(x);
  const bool keep = Chance(0.4);
  switch (Below(smooth_ ? 4 : 7)) {
    case 0:
      return Tame(ReduceSum(x, axes, keep));
    case 1:
      return ReduceMean(x * 1, axes, keep) + 1;
    case 2:
      return Tame(Cumulative(Combiner::kSum, x, Axis(x), Chance(0.3), Chance(0.3)));
    case 3:
      return ReduceProd(Tanh(x), axes, keep);
    case 4: {
      const Value y = ReduceMax(x, axes, keep);
      return Select(IsFinite(y), y, 0);
    }
    case 5: {
      const Value y = ReduceMin(x, axes, keep);
      return Select(IsFinite(y), y, 0);
    }
    default:
      return Cumulative(Combiner::kMax, x, Axis(x));
  }
}

Value Generator::ContractStep() {
  const Value x = AnyOfRank(1);
  // Contract one of x's dimensions, or share it, with a new operand.
  const std::string letters = std::string("abcdefgh").substr(0, x.rank());
  const int64_t k = Axis(x);
  const Dim extra = AnyDim();
  const int64_t form = Below(4);
  std::string other, out = letters;
  Shape shape;
  out.erase(k, 1);
  if (form == 0 || x.rank() > 4) {  // x_..k.. w_kz -> ..z
    other = std::string(1, letters[k]) + "z";
    shape = {x.shape()[k], extra};
    out += "z";
  } else if (form == 1) {  // w_zk
    other = std::string("z") + letters[k];
    shape = {extra, x.shape()[k]};
    out = "z" + out;
  } else if (form == 2 && x.rank() >= 2) {  // batched over another dimension
    const int64_t batch = (k + 1) % x.rank();
    other = std::string(1, letters[batch]) + letters[k] + "z";
    shape = {x.shape()[batch], x.shape()[k], extra};
    out += "z";
  } else {  // a matrix by a vector
    other = std::string(1, letters[k]);
    shape = {x.shape()[k]};
  }
  std::optional<Value> y;
  for (const Value& v : pool_) {
    if (v.shape() == shape && Chance(0.5)) y = v;
  }
  if (!y) y = In(dtype_, shape, Uniform(-0.5, 0.5));
  const std::string spec = absl::StrCat(letters, ",", other, "->", out);
  return Tame(Contract(spec, x, *y));
}

Value Generator::MoveStep() {
  const Value x = Any();
  switch (Below(4)) {
    case 0:
      return Reshape(x, {x.type().NumElements()});
    case 1: {
      Shape shape = x.shape();
      shape.insert(shape.begin() + Below(x.rank() + 1), Dim(1));
      return Reshape(x, shape);
    }
    case 2:
      return Transpose(x, Shuffled(x.rank()));
    default: {
      if (x.rank() > 3) return -x;
      Shape shape = x.shape();
      shape.insert(shape.begin(), AnyDim());
      return BroadcastTo(x, shape);
    }
  }
}

Value Generator::SliceStep() {
  const Value x = AnyOfRank(1);
  const int64_t axis = Axis(x);
  const Dim extent = x.shape()[axis];
  Shape none(x.rank(), Dim(0)), low = none, high = none, limit = x.shape();
  std::vector<int64_t> stride(x.rank(), 1);
  switch (Below(5)) {
    case 0:
      if (extent.is_constant() && extent.constant() > 1) {
        low[axis] = Dim(Below(extent.constant()));
        stride[axis] = 1 + Below(2);
      }
      return Slice(x, low, limit, stride);
    case 1:
      low[axis] = Dim(Below(3));
      high[axis] = Dim(Below(3));
      return Pad(x, 0.5, low, high);
    case 2: {
      Shape shape = x.shape();
      shape[axis] = AnyDim();
      return Concat({x, In(dtype_, shape), x}, axis);
    }
    case 3:
      return Reverse(x, {axis});
    default: {
      std::vector<Value> starts;
      for (int i = 0; i < x.rank(); ++i) starts.push_back(In(I64, {}, Uniform(-2, 8)));
      Shape sizes = x.shape();
      if (extent.is_constant()) sizes[axis] = Dim((extent.constant() + 1) / 2);
      const Value part = DynamicSlice(x, starts, sizes);
      return Chance(0.5) ? part : DynamicUpdate(x, part * 2, starts);
    }
  }
}

Value Generator::IndexStep() {
  const Value x = AnyOfRank(1);
  const int64_t axis = Axis(x);
  const Dim extent = x.shape()[axis];
  if (extent.LowerBound().value_or(0) < 1) return x * 2;  // no index would be right
  switch (Below(smooth_ ? 2 : 3)) {
    case 0:
      return Gather(x, In(Pick<DType>({I32, I64}), {AnyDim()}, IndexInto(extent)), axis);
    case 1: {
      const Dim count = AnyDim();
      Shape shape = x.shape();
      shape[axis] = count;
      const Value updates = In(dtype_, shape);
      return Scatter(ScatterKind::kAdd, x, In(I64, {count}, IndexInto(extent)), updates, axis);
    }
    default:
      return Sort({x}, axis, Chance(0.5))[0];
  }
}

Value Generator::WindowStep() {
  const Value x = AnyOfRank(1);
  WindowAttrs a;
  a.kind = smooth_ || Chance(0.5) ? Combiner::kSum : Combiner::kMax;
  for (int i = 0; i < x.rank(); ++i) {
    const Dim& d = x.shape()[i];
    const bool slide = d.is_constant() && d.constant() >= 3 && Chance(0.6);
    a.window.push_back(slide ? 2 + Below(2) : 1);
    a.stride.push_back(slide ? 1 + Below(2) : 1);
    a.pad_low.push_back(slide ? Below(2) : 0);
    a.pad_high.push_back(slide ? Below(2) : 0);
  }
  return Tame(WindowReduce(x, a));
}

Value Generator::CompositeStep() {
  const Value x = AnyOfRank(1);
  const int64_t axis = Axis(x);
  switch (Below(3)) {
    case 0: {  // softmax
      const Value e = Exp(Tanh(x));
      return e / (ReduceSum(e, {axis}, true) + 0.125);
    }
    case 1: {  // layer norm
      const Value centred = x - ReduceSum(x, {axis}, true) * 0.125;
      return Tame(centred * Rsqrt(ReduceSum(centred * centred, {axis}, true) + 0.5));
    }
    default: {  // a small convolution, where the shape allows one
      if (x.rank() != 3 || !x.shape()[2].is_constant()) return Sigmoid(x) * x;
      const Value filter =
          In(dtype_, {3, x.shape()[2], Dim(Pick<int64_t>({1, 4, 17}))}, Uniform(-0.3, 0.3));
      ConvAttrs a;
      a.pad_low = a.pad_high = {1};
      return Tame(Conv(x, filter, a));
    }
  }
}

Value Generator::ControlStep() {
  const Value x = Any();
  switch (Below(3)) {
    case 0:
      return Cond(
          In(Bool, {}, Uniform(-1, 1)), {x},
          [&](GraphBuilder&, std::vector<Value> v) -> std::vector<Value> {
            return {Sin(v[0]) * x};
          },
          [&](GraphBuilder&, std::vector<Value> v) -> std::vector<Value> {
            return {v[0] * 0.5};
          })[0];
    case 1: {
      const Value w = In(dtype_, x.shape());
      return While(
          {builder_.Scalar(I64, 0), x},
          [](GraphBuilder&, std::vector<Value> v) -> std::vector<Value> { return {Lt(v[0], 3)}; },
          [&](GraphBuilder&, std::vector<Value> v) -> std::vector<Value> {
            return {v[0] + 1, Sin(v[1] + w)};
          },
          3)[1];
    }
    default: {
      if (x.rank() == 0) return Tanh(x);
      Shape slice(x.shape().begin() + 1, x.shape().end());
      std::vector<Value> out = Scan(
          {In(dtype_, slice)}, {x}, x.shape()[0],
          [&](GraphBuilder&, std::vector<Value> v) -> std::vector<Value> {
            const Value next = Tanh(v[0] * 0.5 + v[1]);
            return {next, next * v[1]};
          },
          Chance(0.4));
      return Chance(0.5) ? out[1] : out[0];
    }
  }
}

Value Generator::Step() {
  const int64_t roll = Below(100);
  if (roll < 18) return UnaryStep();
  if (roll < 36) return BinaryStep();
  if (roll < 48) return smooth_ ? BinaryStep() : RoughStep();
  if (roll < 60) return ReduceStep();
  if (roll < 68) return ContractStep();
  if (roll < 77) return MoveStep();
  if (roll < 84) return SliceStep();
  if (roll < 88) return IndexStep();
  if (roll < 91) return WindowStep();
  if (roll < 97) return CompositeStep();
  return ControlStep();
}

absl::StatusOr<RandomGraph> Generator::Run() {
  // Every symbol stands alone in some input's shape, so that a run's inputs determine it.
  pool_.push_back(In(dtype_, {n_, Dim(Pick<int64_t>({1, 3, 16, 17}))}));
  pool_.push_back(In(dtype_, {m_}));
  const int64_t inputs = Below(3);
  for (int64_t i = 0; i < inputs; ++i) pool_.push_back(In(dtype_, AnyShape()));
  const int64_t steps = 2 + Below(12);
  for (int64_t i = 0; i < steps; ++i) {
    const Value v = Step();
    if (!v.ok()) break;  // Build reports why
    // Large values would make the kernel interpreter slow.
    const std::optional<int64_t> size = v.type().NumElements().UpperBound();
    if (v.rank() <= 5 && size && *size <= 4000 && v.dtype() == dtype_) pool_.push_back(v);
  }
  std::vector<std::pair<std::string, Value>> outputs;
  const int64_t count = 1 + Below(2);
  for (int64_t i = 0; i < count; ++i) {
    const Value v = i == 0 ? pool_.back() : Any();
    outputs.emplace_back(absl::StrCat("y", i), v);
  }
  RandomGraph out;
  TENON_ASSIGN_OR_RETURN(out.graph, builder_.Build(std::move(outputs)));
  out.fills = std::move(fills_);
  out.smooth = smooth_;
  out.extents = {{{"n", 1 + Below(12)}, {"m", 1 + Below(7)}},
                 {{"n", Below(2)}, {"m", Below(8)}},
                 {{"n", 12}, {"m", 0}}};
  return out;
}

}  // namespace

absl::StatusOr<RandomGraph> Generate(uint64_t seed) { return Generator(seed).Run(); }

}  // namespace tenon::tests

// Sums of products: a factor that all terms of a sum share multiplies the sum instead.
//
// For integers that saves a product an element. For floats it is for factors that come of a
// reduction along the same axes themselves: the sum no longer waits for them, and a kernel that
// goes over its rows once for every reduction that waits for another goes over them once less. The
// gradient of a layer norm is such a case. Other factors stay: they may be there to keep the sum
// finite, or to leave out what is not.
#include <algorithm>
#include <utility>
#include <vector>

#include "tenon/passes/simplify/rules/util.h"

namespace tenon::passes::rules {

using ir::BroadcastAttrs;
using ir::Combiner;
using ir::OpCode;
using ir::ReduceAttrs;
using ir::Value;

namespace {

constexpr int kMaxTerms = 8, kMaxAdditions = 16;

// A term of a sum: x times the copies of `factor`, one for each element that is left.
struct Product {
  Value x, copies;
};

// Whether `v` is the same all along each of `axes`.
bool IsConstantAlong(Match& m, Value v, const std::vector<int64_t>& axes) {
  if (!m.Is(v, OpCode::kBroadcast)) return false;
  const Value x = m.OperandOf(v);
  const std::vector<int64_t> mapped = m.AttrsOf<BroadcastAttrs>(v).axes;
  for (int i = 0; i < x.rank(); ++i) {
    if (Contains(axes, mapped[i]) && x.shape()[i] == v.shape()[mapped[i]]) return false;
  }
  return true;
}

std::optional<Product> AsProduct(Match& m, Value v, const std::vector<int64_t>& axes) {
  if (!m.Is(v, OpCode::kMul)) return std::nullopt;
  for (int i : {0, 1}) {
    const Value copies = m.OperandOf(v, i);
    if (IsConstantAlong(m, copies, axes)) return Product{m.OperandOf(v, 1 - i), copies};
  }
  return std::nullopt;
}

// Whether the sums of the products' x can be had before the last of their factors.
bool SavesWaiting(Match& m, const std::vector<Product>& products) {
  Waiting waiting(m, m[0].shape(), m.attrs<ReduceAttrs>().axes);
  int factors = 0, sums = 0;
  for (const Product& product : products) {
    const std::optional<int> factor = waiting.Of(product.copies);
    const std::optional<int> sum = waiting.Of(product.x);
    if (!factor.has_value() || !sum.has_value()) return false;
    factors = std::max(factors, *factor);
    sums = std::max(sums, *sum);
  }
  return sums < factors;
}

Value SumOf(Match& m, const Product& product, const ReduceAttrs& attrs) {
  std::vector<bool> summed(static_cast<size_t>(product.copies.rank()));
  for (int64_t axis : attrs.axes) summed[axis] = true;
  const Value sum = Make(m, OpCode::kReduce, attrs, {product.x});
  return Make(m, OpCode::kMul, {sum, DropCopies(m, product.copies, summed)});
}

// Narrow floats are left out: a sum stored in f16 might overflow where the sum of the products does
// not, and what two large sums leave of one another is rounded once for all terms, not term by
// term. And the sum of nothing is 0, whatever the factor.
bool MayDistribute(Match& m, const ReduceAttrs& attrs) {
  if (attrs.kind != Combiner::kSum || attrs.axes.empty()) return false;
  if (!IsFloat(m.type())) return true;
  const bool any = std::all_of(attrs.axes.begin(), attrs.axes.end(),
                               [&](int64_t axis) { return IsPositive(m[0].shape()[axis]); });
  return any && ir::ComputeType(m.type().dtype) == m.type().dtype && AtLeastStandard(m);
}

// The products that `v` adds up and takes away; false if it is anything else, or too much.
bool CollectProducts(Match& m, Value v, const std::vector<int64_t>& axes, int& additions,
                     std::vector<Product>& products) {
  if (m.Is(v, OpCode::kAdd) || m.Is(v, OpCode::kSub)) {
    return ++additions <= kMaxAdditions &&
           CollectProducts(m, m.OperandOf(v, 0), axes, additions, products) &&
           CollectProducts(m, m.OperandOf(v, 1), axes, additions, products);
  }
  const std::optional<Product> product = AsProduct(m, v, axes);
  if (!product.has_value() || products.size() == kMaxTerms) return false;
  products.push_back(*product);
  return true;
}

Value SumOfProducts(Match& m, Value v, const ReduceAttrs& attrs) {
  if (const std::optional<Product> product = AsProduct(m, v, attrs.axes)) {
    return SumOf(m, *product, attrs);
  }
  const OpCode op = *m.OpOf(v);
  const Value left = m.OperandOf(v, 0), right = m.OperandOf(v, 1);
  const Value a = SumOfProducts(m, left, attrs);
  return Make(m, op, {a, SumOfProducts(m, right, attrs)});
}

}  // namespace

Replacement SumProduct(Match& m) {
  const ReduceAttrs attrs = m.attrs<ReduceAttrs>();
  if (!MayDistribute(m, attrs)) return std::nullopt;
  const std::optional<Product> product = AsProduct(m, m[0], attrs.axes);
  if (!product.has_value()) return std::nullopt;
  // An integer product that others need as well is there in any case.
  const bool saves = IsFloat(m.type()) ? SavesWaiting(m, {*product}) : m.SingleUse(m[0]);
  if (!saves) return std::nullopt;
  return SumOf(m, *product, attrs);
}

Replacement SumProducts(Match& m) {
  const ReduceAttrs attrs = m.attrs<ReduceAttrs>();
  if (!MayDistribute(m, attrs)) return std::nullopt;
  if (!m.Is(m[0], OpCode::kAdd) && !m.Is(m[0], OpCode::kSub)) return std::nullopt;
  std::vector<Product> products;
  int additions = 0;
  if (!CollectProducts(m, m[0], attrs.axes, additions, products)) return std::nullopt;
  // Several sums for one: worth it where they have a pass to run in.
  if (!SavesWaiting(m, products)) return std::nullopt;
  return SumOfProducts(m, m[0], attrs);
}

}  // namespace tenon::passes::rules

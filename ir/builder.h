// GraphBuilder: graphs written like mathematics.
//
//   GraphBuilder b("mlp");
//   Value x = b.Input("x", F32, {Dim("n").AtMost(64), 784});
//   Value w = b.Parameter("w", F32, {784, 10}, init::GlorotUniform());
//   Value y = Contract("nk,km->nm", x, w) + b.Parameter("b", F32, {10});
//   absl::StatusOr<Graph> graph = b.Build({{"y", y}});
//
// Shapes are inferred as the graph is built. Calls chain without checking: an op whose operands do
// not fit is recorded as an error that names the op, the types and the caller's line, and yields a
// value that later ops pass over in silence; Build returns all the errors together.
//
// Element-wise operators broadcast as NumPy does. A C++ number next to a Value becomes a constant
// of the Value's element type.
//
// Only primitives and what is needed to write gradients stand here; compositions such as Softmax or
// the losses are in frontend/.
#ifndef TENON_IR_BUILDER_H_
#define TENON_IR_BUILDER_H_

#include <functional>
#include <map>
#include <memory>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/op.h"

namespace tenon::ir {

class GraphBuilder;

inline constexpr DType F32 = DType::kF32;
inline constexpr DType F64 = DType::kF64;
inline constexpr DType BF16 = DType::kBF16;
inline constexpr DType F16 = DType::kF16;
inline constexpr DType I8 = DType::kI8;
inline constexpr DType U8 = DType::kU8;
inline constexpr DType I32 = DType::kI32;
inline constexpr DType I64 = DType::kI64;
inline constexpr DType Bool = DType::kBool;

namespace init {
inline Initializer Zeros() { return {InitKind::kZeros, 0, 0}; }
inline Initializer Constant(double value) { return {InitKind::kConstant, value, 0}; }
inline Initializer Normal(double mean = 0, double stddev = 0.05) {
  return {InitKind::kNormal, mean, stddev};
}
inline Initializer Uniform(double low, double high) { return {InitKind::kUniform, low, high}; }
inline Initializer GlorotUniform() { return {InitKind::kGlorotUniform, 0, 0}; }
inline Initializer GlorotNormal() { return {InitKind::kGlorotNormal, 0, 0}; }
inline Initializer HeUniform() { return {InitKind::kHeUniform, 0, 0}; }
inline Initializer HeNormal() { return {InitKind::kHeNormal, 0, 0}; }
}  // namespace init

// A handle to a value of a graph under construction. Cheap to copy; lives as long as its builder.
class Value {
 public:
  Value() = default;
  Value(GraphBuilder* builder, ValueId id) : builder_(builder), id_(id) {}

  GraphBuilder* builder() const { return builder_; }
  ValueId id() const { return id_; }
  // False for what an erroneous op yielded.
  bool ok() const { return id_.valid(); }
  // The type; that of an erroneous value is f32[].
  const TensorType& type() const;
  DType dtype() const { return type().dtype; }
  const Shape& shape() const { return type().dims; }
  int rank() const { return type().rank(); }

 private:
  GraphBuilder* builder_ = nullptr;
  ValueId id_;
};

using SourceLocation = std::source_location;

// A Value or a C++ number, with the line on which it was written: what operators and functions
// take, so that `a + b` knows its line.
struct Operand {
  Operand(Value v, SourceLocation l = SourceLocation::current())  // NOLINT
      : value(v), location(l) {}
  Operand(double n, SourceLocation l = SourceLocation::current())  // NOLINT
      : number(n), location(l), is_number_(true) {}
  Operand(int n, SourceLocation l = SourceLocation::current())  // NOLINT
      : number(n), location(l), is_number_(true) {}
  Value value;
  double number = 0;
  SourceLocation location;
  bool is_number() const { return is_number_; }

 private:
  bool is_number_ = false;
};

class GraphBuilder {
 public:
  explicit GraphBuilder(std::string name = "main");
  ~GraphBuilder();
  GraphBuilder(const GraphBuilder&) = delete;
  GraphBuilder& operator=(const GraphBuilder&) = delete;

  Value Input(std::string name, DType dtype, Shape shape,
              SourceLocation location = SourceLocation::current());
  Value Parameter(std::string name, DType dtype, Shape shape, Initializer init = {},
                  SourceLocation location = SourceLocation::current());
  Value State(std::string name, DType dtype, Shape shape, Initializer init = {},
              SourceLocation location = SourceLocation::current());

  Value Constant(Literal literal, SourceLocation location = SourceLocation::current());
  // A scalar of the given type.
  Value Scalar(DType dtype, double value, SourceLocation location = SourceLocation::current());
  // `value` in every element of `type`.
  Value Full(const TensorType& type, double value,
             SourceLocation location = SourceLocation::current());
  // The extent `dim` as a scalar: a constant, or computed from the extents of the run.
  Value Extent(const Dim& dim, DType dtype, SourceLocation location = SourceLocation::current());
  Value Iota(TensorType type, int64_t axis, SourceLocation location = SourceLocation::current());

  // Any op by code, types inferred. Errors are recorded; the values are then not ok().
  std::vector<Value> Apply(OpCode op, Attributes attributes, std::vector<Value> operands,
                           std::vector<Graph> regions = {},
                           SourceLocation location = SourceLocation::current());

  // Builds a region: `body` gets a builder and one value an input type. Values of the enclosing
  // builder that it uses are captured: they become further inputs of the region, and `captured`
  // lists what to pass for them.
  struct Region {
    Graph graph;
    std::vector<Value> captured;
  };
  Region BuildRegion(
      std::string name, const std::vector<TensorType>& inputs,
      const std::function<std::vector<Value>(GraphBuilder&, std::vector<Value>)>& body);

  // While it lives, ops take this location rather than their caller's: for gradients and rewrites,
  // whose ops belong to the line of the op they come from.
  class ScopedLocation {
   public:
    ScopedLocation(GraphBuilder& builder, const Location& location);
    ~ScopedLocation();

   private:
    GraphBuilder& builder_;
    std::optional<Location> saved_;
  };

  // Marks output `output` as taking over the buffer of input `input` (see ir::Output).
  void Donate(std::string output, std::string input);

  // The finished, verified graph, or all errors. The builder is empty afterwards.
  absl::StatusOr<Graph> Build(std::vector<std::pair<std::string, Value>> outputs);

  // Continues a finished graph: the new builder holds its inputs and nodes; its outputs are dropped
  // (read them before from `graph`). ValueIds stay the same, also in what Build gives unless inputs
  // were added.
  static std::unique_ptr<GraphBuilder> Continue(Graph graph);

  // The builder whose region this one builds, or null.
  GraphBuilder* parent() const { return parent_; }
  // The innermost region under construction below this builder, or itself.
  GraphBuilder& Innermost() { return active_region_ ? active_region_->Innermost() : *this; }

  Value ValueOf(ValueId id) { return Value(this, id); }
  const Graph& graph() const { return graph_; }
  bool ok() const { return errors_.empty(); }
  // The line set by a ScopedLocation, if one is at work: compositions then leave it alone.
  const std::optional<Location>& location_override() const { return location_override_; }
  // Records an error of the caller's own, reported by Build with the rest.
  void AddError(const Location& location, std::string message);

 private:
  friend class Value;
  Value AddInputValue(std::string name, InputKind kind, DType dtype, Shape shape, Initializer init,
                      const SourceLocation& location);
  Dim ResolveSymbols(const Dim& dim, const Location& location);
  void ResolveSymbols(Attributes& attributes, const Location& location);
  // The value of this builder that stands for one of an enclosing builder.
  Value Capture(Value outer, const Location& location);
  Location LocationOf(const SourceLocation& location) const;
  absl::Status CheckOutputs(const std::vector<std::pair<std::string, Value>>& outputs);

  Graph graph_;
  GraphBuilder* parent_ = nullptr;         // of a region's builder
  GraphBuilder* active_region_ = nullptr;  // whose body is running
  std::vector<Value> captured_;
  std::map<uint32_t, ValueId> capture_ids_;
  std::map<std::string, int64_t> symbol_bounds_;
  std::optional<Location> location_override_;
  std::vector<std::pair<std::string, std::string>> donations_;
  std::vector<std::string> errors_;
};

// --- Element-wise
// ---------------------------------------------------------------------------------
Value operator+(Operand a, Operand b);
Value operator-(Operand a, Operand b);
Value operator*(Operand a, Operand b);
Value operator/(Operand a, Operand b);
Value operator-(Operand a);
Value Rem(Operand a, Operand b);
Value Pow(Operand a, Operand b);
Value Max(Operand a, Operand b);
Value Min(Operand a, Operand b);
Value And(Operand a, Operand b);
Value Or(Operand a, Operand b);
Value Xor(Operand a, Operand b);
Value Shl(Operand a, Operand b);
Value ShrLogical(Operand a, Operand b);
Value ShrArithmetic(Operand a, Operand b);
Value Abs(Operand x);
Value Sign(Operand x);
Value Exp(Operand x);
Value Expm1(Operand x);
Value Log(Operand x);
Value Log1p(Operand x);
Value Sqrt(Operand x);
Value Rsqrt(Operand x);
Value Sin(Operand x);
Value Cos(Operand x);
Value Tanh(Operand x);
Value Sigmoid(Operand x);
Value Erf(Operand x);
Value Floor(Operand x);
Value Ceil(Operand x);
Value Round(Operand x);
Value Trunc(Operand x);
Value Not(Operand x);
Value IsFinite(Operand x);
Value StopGradient(Operand x);

Value Eq(Operand a, Operand b);
Value Ne(Operand a, Operand b);
Value Lt(Operand a, Operand b);
Value Le(Operand a, Operand b);
Value Gt(Operand a, Operand b);
Value Ge(Operand a, Operand b);
Value Select(Operand condition, Operand if_true, Operand if_false);
Value Cast(Operand x, DType dtype);
Value Bitcast(Operand x, DType dtype);

// --- Reductions; no axes: all of them. Negative axes count from the end.
// ---------------------------
Value ReduceSum(Operand x, std::vector<int64_t> axes = {}, bool keep_dims = false);
Value ReduceMean(Operand x, std::vector<int64_t> axes = {}, bool keep_dims = false);
Value ReduceProd(Operand x, std::vector<int64_t> axes = {}, bool keep_dims = false);
Value ReduceMax(Operand x, std::vector<int64_t> axes = {}, bool keep_dims = false);
Value ReduceMin(Operand x, std::vector<int64_t> axes = {}, bool keep_dims = false);
Value ReduceAll(Operand x, std::vector<int64_t> axes = {}, bool keep_dims = false);
Value ReduceAny(Operand x, std::vector<int64_t> axes = {}, bool keep_dims = false);
// Index (i64) of the first largest element along `axis`, which vanishes.
Value ArgMax(Operand x, int64_t axis);
Value Cumulative(Combiner kind, Operand x, int64_t axis, bool exclusive = false,
                 bool reverse = false);

// --- Windows
// ---------------------------------------------------------------------------------------
Value WindowReduce(Operand x, WindowAttrs attrs);
Value WindowArgmax(Operand x, WindowIndexAttrs attrs);
Value WindowSelect(Operand x, Operand indices, WindowIndexAttrs attrs);
Value WindowUnselect(Operand y, Operand indices, WindowIndexAttrs attrs);

// --- Contractions
// ----------------------------------------------------------------------------------
// `wide`: bf16 and f16 give f32 (ContractAttrs).
Value Contract(std::string spec, Operand a, Operand b, bool wide = false);
// The product of matrices, batched over leading dimensions (which must be equal, or absent in b).
Value MatMul(Operand a, Operand b);
Value Conv(Operand x, Operand filter, ConvAttrs attrs);
Value ConvTranspose(Operand y, Operand filter, ConvAttrs attrs);
Value ConvFilter(Operand x, Operand y, ConvAttrs attrs);

// --- Movement
// --------------------------------------------------------------------------------------
Value Reshape(Operand x, Shape shape);
Value Transpose(Operand x, std::vector<int64_t> permutation);
// Operand dimension i becomes result dimension axes[i].
Value Broadcast(Operand x, Shape shape, std::vector<int64_t> axes);
// As NumPy: aligned at the last dimension.
Value BroadcastTo(Operand x, Shape shape);
Value Slice(Operand x, Shape start, Shape limit, std::vector<int64_t> stride = {});
Value Pad(Operand x, Operand value, Shape low, Shape high, std::vector<int64_t> interior = {});
Value Concat(std::vector<Value> values, int64_t axis,
             SourceLocation location = SourceLocation::current());
Value Reverse(Operand x, std::vector<int64_t> axes);

// --- Indexing
// --------------------------------------------------------------------------------------
Value Gather(Operand x, Operand indices, int64_t axis, int64_t batch_dims = 0);
Value Scatter(ScatterKind kind, Operand x, Operand indices, Operand updates, int64_t axis,
              int64_t batch_dims = 0);
// starts: one i64 scalar a dimension; clamped so that the slice lies inside.
Value DynamicSlice(Operand x, std::vector<Value> starts, Shape sizes);
Value DynamicUpdate(Operand x, Operand update, std::vector<Value> starts);
std::vector<Value> Sort(std::vector<Value> operands, int64_t axis, bool descending = false,
                        SourceLocation location = SourceLocation::current());
// The k largest along the last axis, and their indices (i64).
std::pair<Value, Value> TopK(Operand x, int64_t k);
// key: i64 scalar.
Value RandomBits(Operand key, Shape shape, int64_t stream = 0);
// Uniform in [0, 1): the top 24 (f32) bits of RandomBits.
Value RandomUniform(Operand key, Shape shape, int64_t stream = 0);

// --- Control
// ---------------------------------------------------------------------------------------
using RegionFn = std::function<std::vector<Value>(GraphBuilder&, std::vector<Value>)>;
std::vector<Value> Cond(Operand predicate, std::vector<Value> operands, const RegionFn& if_true,
                        const RegionFn& if_false,
                        SourceLocation location = SourceLocation::current());
std::vector<Value> While(std::vector<Value> carries, const RegionFn& condition,
                         const RegionFn& body, Dim trip_count = -1,
                         SourceLocation location = SourceLocation::current());
// body(carries..., slices...) -> (carries'..., outputs...); gives final carries, stacked outputs.
std::vector<Value> Scan(std::vector<Value> carries, std::vector<Value> scanned, Dim length,
                        const RegionFn& body, bool reverse = false,
                        SourceLocation location = SourceLocation::current());
std::vector<Value> Call(std::string name, std::vector<Value> operands, const RegionFn& body,
                        SourceLocation location = SourceLocation::current());

}  // namespace tenon::ir

#endif  // TENON_IR_BUILDER_H_

// The graph IR: a typed, static, single-assignment computation graph.
//
// A Graph owns its nodes in an order in which every node stands after what it uses; passes build
// new graphs rather than edit old ones. Values are numbered densely in order of creation: an input
// may be added after nodes, as builders declare parameters late. Sub-graphs (regions of cond,
// while, scan, call) are closed: what they use from outside is passed as an operand. The invariants
// are listed in ir/verifier.h.
#ifndef TENON_IR_GRAPH_H_
#define TENON_IR_GRAPH_H_

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tenon/ir/attributes.h"
#include "tenon/ir/location.h"
#include "tenon/ir/type.h"

namespace tenon::ir {

enum class OpCode : uint8_t {
#define TENON_OP(enumerator, spelling, attrs) enumerator,
#include "tenon/ir/ops.def"
};
inline constexpr int kNumOps = 0
#define TENON_OP(enumerator, spelling, attrs) +1
#include "tenon/ir/ops.def"
    ;

// A typed index; invalid when default-constructed.
template <typename Tag>
struct Id {
  static constexpr uint32_t kInvalid = std::numeric_limits<uint32_t>::max();
  uint32_t index = kInvalid;

  bool valid() const { return index != kInvalid; }
  bool operator==(const Id&) const = default;
  auto operator<=>(const Id&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const Id& id) {
    return H::combine(std::move(h), id.index);
  }
};
using ValueId = Id<struct ValueTag>;
using NodeId = Id<struct NodeTag>;

class Graph;

// How a parameter's or state's first value comes about. Fans of the Glorot and He forms: for shape
// [..., in, out], fan_in = receptive * in and fan_out = receptive * out, where receptive is the
// product of the leading dimensions (as Keras counts them).
enum class InitKind : uint8_t {
  kZeros,
  kConstant,       // a
  kNormal,         // mean a, standard deviation b
  kUniform,        // from a to b
  kGlorotUniform,  // Glorot & Bengio, 2010: limit sqrt(6 / (fan_in + fan_out))
  kGlorotNormal,   // standard deviation sqrt(2 / (fan_in + fan_out)), truncated at two of them
  kHeUniform,      // He et al., 2015: limit sqrt(6 / fan_in)
  kHeNormal,       // standard deviation sqrt(2 / fan_in), truncated at two of them
};
struct Initializer {
  InitKind kind = InitKind::kZeros;
  double a = 0;
  double b = 0;
  bool operator==(const Initializer&) const = default;
};

enum class InputKind : uint8_t {
  kInput,      // new at every run
  kParameter,  // weights: what `prepare` may pack, what training updates
  kState,      // carried from run to run: optimizer moments, batch-norm statistics, counters
};

struct Input {
  std::string name;
  InputKind kind = InputKind::kInput;
  ValueId value;
  Initializer init;  // of parameters and state
  Location location;
};

struct Output {
  std::string name;
  ValueId value;
  // The input whose buffer this output takes over (same type); -1 for none. At most one output a
  // donated input. The pair is one slot, updated in place.
  int donated_input = -1;
};

struct Node {
  OpCode op = OpCode::kConstant;
  Attributes attributes;
  std::vector<ValueId> operands;
  std::vector<ValueId> results;
  std::vector<Graph> regions;
  Location location;

  // The attributes of an op whose struct is known from ops.def.
  template <typename A>
  const A& attrs() const {
    return std::get<A>(attributes);
  }
};

class Graph {
 public:
  explicit Graph(std::string name = "main") : name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }

  const std::vector<Input>& inputs() const { return inputs_; }
  const std::vector<Output>& outputs() const { return outputs_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const Node& node(NodeId id) const { return nodes_[id.index]; }

  int num_values() const { return static_cast<int>(values_.size()); }
  const TensorType& type(ValueId v) const { return values_[v.index].type; }
  // The node that defines `v`, or an invalid id for an input.
  NodeId producer(ValueId v) const { return values_[v.index].producer; }
  // Which result of its producer (or which input) `v` is.
  int result_index(ValueId v) const { return static_cast<int>(values_[v.index].index); }
  bool is_input(ValueId v) const { return !producer(v).valid(); }

  // Symbols with their bounds, in order of first appearance: input types first, then attributes.
  std::vector<std::pair<std::string, int64_t>> Symbols() const;
  // The index of the input or output of that name, or -1.
  int FindInput(absl::string_view name) const;
  int FindOutput(absl::string_view name) const;
  // Nodes, those of regions included.
  int64_t CountNodes() const;

  // Construction. Nothing here infers or checks: GraphBuilder does, and the verifier.
  ValueId AddInput(std::string name, InputKind kind, TensorType type, Initializer init = {},
                   Location location = {});
  NodeId AddNode(OpCode op, Attributes attributes, std::vector<ValueId> operands,
                 std::vector<TensorType> result_types, std::vector<Graph> regions = {},
                 Location location = {});
  void AddOutput(std::string name, ValueId value, int donated_input = -1);
  void ClearOutputs() { outputs_.clear(); }

 private:
  struct ValueInfo {
    TensorType type;
    NodeId producer;
    uint32_t index;
  };

  std::string name_;
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  std::vector<Node> nodes_;
  std::deque<ValueInfo> values_;  // so that references to types survive the addition of nodes
};

}  // namespace tenon::ir

#endif  // TENON_IR_GRAPH_H_

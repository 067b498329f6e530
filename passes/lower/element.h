// ElementEmitter: kernel code for elements of graph values, pulled from where they are needed.
//
//   ElementEmitter e(kernel_context);
//   VarId i = e.space().AddLoop(rows), j = e.space().AddLoop(columns);
//   ... in a loop over %row, and in one over %column by 16:
//   e.Bind(i, row); e.Bind(j, column);
//   Tile tile{.rows = 1, .lanes = 16, .lane_var = j, .lane_count = rest};
//   kernel::ValueId y = e.Eval(v, {IndexExpr::Var(i), IndexExpr::Var(j)}, tile);
//   e.Store(v, {...}, tile, y);
//
// Eval follows the ComputeDefs of the values that belong to the kernel's group (map class and
// reshapes; it never looks at an op's name), composes their index maps (lower/index_space.h), emits
// their scalar bodies on tiles, and loads what comes from outside. What a schedule computes itself
// (accumulators, row sums) it hands in with Provide. Results are remembered by value and index in
// the scope in which they were emitted, so that shared sub-expressions cost once.
//
// A tile that does not depend on the row (lane) variable comes back with one row (lane): kernel
// instructions broadcast. bf16 and f16 compute in f32 and round after every op, as the graph says.
#ifndef TENON_PASSES_LOWER_ELEMENT_H_
#define TENON_PASSES_LOWER_ELEMENT_H_

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tenon/ir/graph.h"
#include "tenon/ir/kernel/builder.h"
#include "tenon/passes/lower/ahead.h"
#include "tenon/passes/lower/context.h"
#include "tenon/passes/lower/index_space.h"

namespace tenon::lower {

// The points for which one value of the kernel stands: element (r, l) is at row_var + r and
// lane_var + l, all other variables being as bound. Without a variable the tile has one row (lane).
struct Tile {
  int rows = 1;
  int lanes = 1;
  VarId row_var = -1;
  VarId lane_var = -1;
  kernel::ValueId row_count;   // i64; absent: all rows are points
  kernel::ValueId lane_count;  // i64; absent: all lanes are points
};

class ElementEmitter {
 public:
  // Writes into kernel.builder(); both must outlive the emitter.
  explicit ElementEmitter(KernelContext& kernel);
  const ir::TargetDesc& target() const { return kernel_.context().target(); }

  IndexSpace& space() { return space_; }
  kernel::KernelBuilder& builder() { return k_; }

  // The i64 scalar that stands for loop variable `v` in the current block (of a tile's row or lane
  // variable: its first element's). Binding again, in another block, is fine.
  void Bind(VarId v, kernel::ValueId value);

  // What is remembered while a Scope lives is forgotten when it ends. Open one in every block (body
  // of a loop, branch): values of a block cannot be used behind it.
  class Scope {
   public:
    explicit Scope(ElementEmitter& e) : e_(e) { e_.memo_.emplace_back(); }
    ~Scope() { e_.memo_.pop_back(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    ElementEmitter& e_;
  };

  // While a LookAhead lives, every contiguous load from memory also asks for what it will read when
  // `var` is some steps further on.
  class LookAhead {
   public:
    LookAhead(ElementEmitter& e, VarId var, LookAheadRule rule) : e_(e), before_(e.looking_) {
      e_.looking_ = this;
      var_ = var;
      rule_ = std::move(rule);
    }
    ~LookAhead() { e_.looking_ = before_; }
    LookAhead(const LookAhead&) = delete;
    LookAhead& operator=(const LookAhead&) = delete;

    // From here on only loads of values for which `asks` holds do so, each for those rows of its
    // tile for which it does.
    using Asks = std::function<bool(ir::ValueId, int row)>;
    void Only(Asks asks) { asks_ = std::move(asks); }

   private:
    friend class ElementEmitter;
    ElementEmitter& e_;
    LookAhead* before_;
    VarId var_;
    LookAheadRule rule_;
    Asks asks_;
  };

  // The tile of `value` at `index` (one expression a dimension of value's type).
  kernel::ValueId Eval(ir::ValueId value, const ElementIndex& index, const Tile& tile);
  // Makes Eval give `tile_value` for this element (compared by linear position), in this scope.
  void Provide(ir::ValueId value, const ElementIndex& index, kernel::ValueId tile_value);
  // Writes the tile to value's buffer: `value` has to be stored by this group.
  void Store(ir::ValueId value, const ElementIndex& index, const Tile& tile,
             kernel::ValueId tile_value);
  // Asks for what Store will write there, into the cache `level`, if AsksToStore says so.
  void AskToStore(ir::ValueId value, const ElementIndex& index, const Tile& tile, int level);
  // Evaluates beforehand, in the current scope and on `tile`, what the value at `index` needs that
  // depends on none of `inner`, the variables of loops about to be opened (not bound yet).
  void Hoist(ir::ValueId value, const ElementIndex& index, const std::vector<VarId>& inner,
             const Tile& tile = {});
  // The same for what a reduction reads at `point`.
  void HoistReads(const ir::Node& node, const ir::ComputeDef& def, const ElementIndex& point,
                  const std::vector<VarId>& inner, const Tile& tile = {});
  // Whether all guarded accesses of `def` fall inside at `point`: a scalar bool where that is the
  // same for the whole tile; invalid where they always do, or where it differs by element.
  kernel::ValueId AllInside(const ir::Node& node, const ir::ComputeDef& def,
                            const ElementIndex& point, const Tile& tile);

  // One access of a ComputeDef with iterators at `point` (and what it reads converted to nothing:
  // its own dtype). For operands of contractions and reductions, and their prologues.
  kernel::ValueId EvalAccess(const ir::Node& node, const ir::ComputeDef& def, int access,
                             const ElementIndex& point, const Tile& tile);
  // The whole scalar body of `node`'s ComputeDef at `point`. `inside`: all guarded accesses are
  // known to fall inside (AllInside has been tested).
  kernel::ValueId EvalBody(const ir::Node& node, const ir::ComputeDef& def,
                           const ElementIndex& point, const Tile& tile, bool inside = false);

  // Loads and stores at a linear element position of any kernel parameter or local. `value`: whose
  // buffer it is, for LookAhead::Only.
  kernel::ValueId LoadAt(int buffer, ir::DType dtype, const IndexExpr& position, const Tile& tile,
                         kernel::ValueId mask = {}, ir::ValueId value = {});
  void StoreAt(int buffer, const IndexExpr& position, const Tile& tile, kernel::ValueId value);

  // The kernel value of an expression over the tile: rows (lanes) only where it depends on them.
  kernel::ValueId IndexValue(const IndexExpr& e, const Tile& tile);

  // bool: which points of the tile are points at all; invalid where all are.
  kernel::ValueId ActivePoints(const Tile& tile);

 private:
  struct Position;  // an expression split into scalar base, row and lane stride, or a general tile
  struct Guarded {
    ElementIndex index;
    kernel::ValueId in_bounds;  // bool tile; invalid where it always holds
  };

  // `mask` (bool, may be invalid): points where it is false are not wanted, and not touched.
  kernel::ValueId EvalMasked(ir::ValueId value, const ElementIndex& index, const Tile& tile,
                             kernel::ValueId mask);
  kernel::ValueId EvalUncached(ir::ValueId value, const ElementIndex& index, const Tile& tile,
                               kernel::ValueId mask);
  kernel::ValueId UniformConstant(ir::NodeId id);
  // The tile without the rows and lanes that `index` does not depend on.
  Tile Shrink(const ElementIndex& index, const Tile& tile, kernel::ValueId mask);

  kernel::ValueId EmitBody(const ir::Node& node, const ir::ComputeDef& def,
                           const ElementIndex& point, const Tile& tile, kernel::ValueId mask,
                           bool inside = false);
  kernel::ValueId EmitOp(const ir::ScalarInstr& instr, const std::vector<kernel::ValueId>& values);
  kernel::ValueId ReadAccess(const ir::Node& node, const ir::ComputeDef& def, int access,
                             const ElementIndex& point, const Tile& tile, kernel::ValueId mask,
                             std::vector<kernel::ValueId>* read, kernel::ValueId* in_bounds,
                             bool inside = false);
  Guarded AccessIndex(const ir::Node& node, const ir::ComputeDef& def, int access,
                      const ElementIndex& point, const Tile& tile, kernel::ValueId mask,
                      const std::vector<kernel::ValueId>& read);
  IndexExpr IndirectIndex(const ir::Node& node, const ir::Index& index, const ir::Dim& extent,
                          bool guarded, kernel::ValueId read, const ElementIndex& point,
                          const Tile& tile, const IndexExpr& affine, kernel::ValueId mask,
                          kernel::ValueId* in_bounds);
  static bool IsIndirectSource(const ir::ComputeDef& def, int access);
  kernel::ValueId InBounds(const IndexExpr& e, const ir::Dim& extent, const Tile& tile);
  Position Resolve(const IndexExpr& e, const Tile& tile);
  void AskAhead(int buffer, ir::ValueId value, ir::DType dtype, const IndexExpr& position,
                const Position& p, int rows, int lanes);
  kernel::ValueId RowNumbers(int rows);
  kernel::ValueId And(kernel::ValueId a, kernel::ValueId b);

  static std::string MemoKey(ir::ValueId value, const ElementIndex& index, kernel::ValueId mask);
  kernel::ValueId Known(const std::string& key) const;
  std::string ProvidedKey(ir::ValueId v, const ElementIndex& index);
  bool IsKnown(ir::ValueId v, const ElementIndex& index);
  bool Pure(ir::ValueId v, const ElementIndex& index, std::map<std::string, bool>* known);
  std::vector<std::pair<ir::ValueId, ElementIndex>> OperandsOf(ir::ValueId v,
                                                               const ElementIndex& index);
  std::vector<std::pair<ir::ValueId, ElementIndex>> PlainReads(const ir::Node& node,
                                                               const ir::ComputeDef& def,
                                                               const ElementIndex& point);
  void HoistAll(std::vector<std::pair<ir::ValueId, ElementIndex>> work,
                const std::vector<VarId>& inner, const Tile& tile);

  KernelContext& kernel_;
  kernel::KernelBuilder& k_;
  IndexSpace space_;
  std::map<VarId, kernel::ValueId> bound_;
  std::vector<std::map<std::string, kernel::ValueId>> memo_;
  std::set<uint32_t> provided_;  // values that Provide was ever called for
  LookAhead* looking_ = nullptr;
};

}  // namespace tenon::lower

#endif  // TENON_PASSES_LOWER_ELEMENT_H_

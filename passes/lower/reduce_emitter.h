// ReduceEmitter: the kernels of one group of reductions. See lower/reduce.cc for the method;
// nothing outside this folder includes this file.
#ifndef TENON_PASSES_LOWER_REDUCE_EMITTER_H_
#define TENON_PASSES_LOWER_REDUCE_EMITTER_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tenon/ir/op.h"
#include "tenon/passes/fuse/reduction_order.h"
#include "tenon/passes/lower/loops.h"

namespace tenon::lower {

struct Accumulator {
  fuse::Nest::Reduction reduction;
  const ir::Node* node;
  const ir::ComputeDef* def;
  ir::Combiner combiner;
  ir::DType dtype;          // in which it adds up
  bool of_numbers = false;  // see kernel::Instr
  int level = 0;
};

// A value that waits in a local buffer between passes.
struct RowValue {
  ir::ValueId value;
  ElementIndex index;
  int first_pass;
  int local = -1;
};

// A sum over rows that this kernel adds up for another group, a chunk of rows at a time.
struct ColumnSum {
  Accumulator sum;
  int local = -1;  // of the row's length
  Place parts;
};

class ReduceEmitter {
 public:
  ReduceEmitter(LowerContext& context, const fuse::Group& group, const fuse::Nest& nest)
      : context_(context),
        kernel_(context, group, std::string(ir::OpName(context.graph().node(group.anchor).op))),
        nest_(nest),
        e_(kernel_),
        k_(e_.builder()),
        translate_(nest_.space, e_.space()) {}

  void Lower(const fuse::Group& group);

 private:
  ir::Dim ExtentOf(VarId v) { return e_.space().var(v).extent; }
  void Analyse();
  void FindLevels();
  void FindRowValues();
  void FindAskingPasses();
  // What the reductions of a level, or (pass == passes_) the values stored at every point, touch.
  Trace TraceOfPass(int pass);
  std::vector<Trace::Visit> ComputedInPass(int pass) { return TraceOfPass(pass).computed(); }
  std::vector<Trace::Visit> LoadedInPass(int pass) { return TraceOfPass(pass).loaded(); }
  bool IsFull(const ElementIndex& index) const;
  // Whether the value has an element at the visit's index at every point.
  bool IsInside(const Trace::Visit& visit) const;
  double PointWork();
  double PassWork(int pass);
  double PointWorkOf(const Trace::Visit& visit);

  ir::Dim ExtentInNest(VarId v) const { return nest_.space.var(v).extent; }
  double SizeOf(const std::vector<VarId>& loops) const;
  size_t RowFrom(size_t collapsible) const;
  int RowsSideBySide();

  // Points of a row, all there are or one part: of the inner loop (and by row of that of lanes).
  struct Range {
    kernel::ValueId low, high, lane_low, lane_high;
  };
  // How many parts the inner loop and (by row) that of lanes fall into.
  struct Cut {
    ir::Dim inner = 1, lane = 1;
  };
  Cut CutOf();
  Range WholeRange();
  Range PartRange(const ElementIndex& part);
  bool WantsSecondKernel();
  void EmitRows();
  // The rows low .. high, a chunk of at most `chunk`: `rows_` at a time, and one by one what is
  // left.
  void EmitRowRange(kernel::ValueId low, kernel::ValueId high, int64_t chunk);
  void EmitParts(const std::vector<Place>& buffers, const ir::Dim& rows);
  void EmitInParts(const fuse::Group& group);

  // Sums over rows (lower/columns.cc).
  void FindColumns();
  void EmitRowsWithColumns();
  void ClearColumns();
  void AddToColumns(const Tile& tile);
  void StoreColumns(const IndexExpr& part);
  IndexExpr PositionInRow();
  // The same in a local buffer that has a row for each of `rows_`, and the tile for it.
  IndexExpr PositionInLocal();
  Tile InLocal(Tile tile) const;

  // Everything of the rows of `kept` (by row: one, or `rows_`), or of a tile of columns.
  void EmitRow(const Tile& kept);
  // Of the accumulators `which`, in the order of `which`; all have one level.
  using Values = std::vector<kernel::ValueId>;
  Values ReduceInParts(const std::vector<int>& which, const Tile& kept);
  Values Reduce(const std::vector<int>& which, const Tile& kept, const Range& range);
  Values ReduceColumns(const std::vector<int>& which, const Tile& kept, kernel::ValueId low,
                       kernel::ValueId high);
  Values AddTile(const std::vector<int>& which, int pass, const Tile& tile, Values sums);
  Values Identities(const std::vector<int>& which, int rows, int lanes);
  Values Both(const std::vector<int>& which, const Values& a, const Values& b);
  Values Tree(const std::vector<int>& which, Sets sets);
  kernel::ValueId Step(const Accumulator& a, const Tile& tile, kernel::ValueId sum);
  kernel::ValueId Combined(const Accumulator& a, const ElementIndex& point, const Tile& tile,
                           kernel::ValueId sum, bool inside);
  bool IsSmallWindow();
  void HoistReads(const std::vector<int>& which, const Tile& kept);
  void HoistStored(const std::vector<VarId>& inner);
  void ForPoints(const Tile& kept, const std::function<void(const Tile&)>& body);
  void ProvideRowValues(int pass, const Tile& tile);
  void KeepRowValues(int pass, const Tile& tile);

  LowerContext& context_;
  KernelContext kernel_;
  fuse::Nest nest_;
  ElementEmitter e_;
  kernel::KernelBuilder& k_;
  Translation translate_;

  fuse::ReductionOrder order_;
  bool by_column_ = false;  // which way the kernel walks: short rows as columns, too
  // By column: outer and lane over the kept loops, inner over the reduced ones. By row: outer over
  // the kept loops, inner and lane over the reduced ones.
  VarId outer_ = -1, inner_ = -1, lane_ = -1;
  int lanes_ = 1;
  // By row: how many rows are taken side by side, so that one's trees and divisions overlap with
  // the other's; each adds up as it would alone. `row_` numbers them within local buffers.
  int rows_ = 1;
  VarId row_ = -1;
  double work_ = 1;
  std::vector<Accumulator> accumulators_;
  std::vector<RowValue> row_values_;
  // The passes that ask for the next rows of a value: for row r of a tile the r-th, or all in one.
  std::map<ir::ValueId, std::vector<int>> asking_;
  // The last pass that reduces asks for what is stored behind it, into this cache; 0: it does not.
  int store_level_ = 0;
  std::vector<ColumnSum> columns_;
  int passes_ = 0;  // levels
};

// The group of reductions that others have added up in parts: adds these up, in order, and goes on
// from there (lower/reduce_parts.cc).
struct PartsOfReduction {
  const Accumulator* sum;
  Parts parts;
};
void EmitCombineParts(LowerContext& context, const fuse::Group& group, const fuse::Nest& nest,
                      const std::vector<PartsOfReduction>& sums);
void LowerHosted(LowerContext& context, const fuse::Group& group);

}  // namespace tenon::lower

#endif  // TENON_PASSES_LOWER_REDUCE_EMITTER_H_

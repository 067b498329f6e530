// Work along one axis of tensors in memory: running reductions, scatters, sorting. Elements are
// numbered (outer * extent + i) * inner + lane around the axis.
#include <algorithm>
#include <string>

#include "tenon/ir/check.h"
#include "tenon/ir/op.h"
#include "tenon/passes/fuse/cost.h"
#include "tenon/passes/lower/combine.h"
#include "tenon/passes/lower/graph_lowerer.h"
#include "tenon/passes/lower/loops.h"
#include "tenon/passes/lower/schedules.h"
#include "tenon/runtime/abi.h"

namespace tenon::lower {

using ir::Dim;
using ir::DType;
using ir::ScalarOp;
using KValue = kernel::ValueId;
using KValues = std::vector<KValue>;

namespace {

struct AroundAxis {
  Dim outer = 1, extent = 1, inner = 1;
  AroundAxis(const ir::Shape& dims, int64_t axis) : extent(dims[axis]) {
    for (int64_t d = 0; d < axis; ++d) outer = outer * dims[d];
    for (size_t d = axis + 1; d < dims.size(); ++d) inner = inner * dims[d];
  }
};

// Runs `body` for every (outer, tile of inner lanes), in parallel.
void ForRows(ElementEmitter& e, const AroundAxis& shape, VarId outer, VarId inner, double work,
             const std::function<void(const Tile&)>& body) {
  kernel::KernelBuilder& k = e.builder();
  const int lanes = LanesFor(e, shape.inner);
  auto tiles = [&](KValue low, KValue count) {
    ForTiles(e, inner, low, count, lanes, 1, {}, [&](const Tile& tile, KValues) {
      body(tile);
      return KValues();
    });
  };
  if (shape.outer == Dim(1)) {
    e.Bind(outer, k.ConstI64(0));
    ParallelChunks(e, shape.inner, ChunkSize(shape.inner, work, lanes), tiles);
    return;
  }
  const double row_work = work * fuse::Size(shape.inner);
  ParallelChunks(e, shape.outer, ChunkSize(shape.outer, row_work, 1),
                 [&](KValue low, KValue count) {
                   ForEach(e, outer, low, k.Add(low, count), {}, [&](KValues) {
                     tiles(k.ConstI64(0), k.DimValue(shape.inner));
                     return KValues();
                   });
                 });
}

}  // namespace

void LowerCumulative(LowerContext& context, const fuse::Group& group) {
  const ir::Node& node = context.graph().node(group.anchor);
  const auto& attrs = node.attrs<ir::CumulativeAttrs>();
  const ir::TensorType& type = context.graph().type(node.results[0]);
  const AroundAxis shape(type.dims, attrs.axis);
  const DType wide = ir::ComputeType(type.dtype);
  KernelContext kernel(context, group, std::string(ir::OpName(node.op)));
  ElementEmitter e(kernel);
  kernel::KernelBuilder& k = e.builder();
  const int in = kernel.Param(node.operands[0], false), out = kernel.Param(node.results[0], true);
  const VarId outer = e.space().AddLoop(shape.outer), inner = e.space().AddLoop(shape.inner);
  const VarId step = e.space().AddLoop(shape.extent);
  IndexExpr i = IndexExpr::Var(step);
  if (attrs.reverse) i = IndexExpr::Constant(shape.extent - Dim(1)) - i;
  const IndexExpr at =
      (IndexExpr::Var(outer) * shape.extent + i) * shape.inner + IndexExpr::Var(inner);
  ForRows(e, shape, outer, inner, 4 * fuse::Size(shape.extent), [&](const Tile& tile) {
    const KValue start = k.Splat(IdentityOf(k, attrs.kind, wide), 1, tile.lanes);
    const ElementEmitter::LookAhead ahead(e, step, FarSteps());
    ForEach(e, step, k.ConstI64(0), k.DimValue(shape.extent), {start}, [&](KValues running) {
      const KValue x = k.Cast(wide, e.LoadAt(in, type.dtype, at, tile));
      const KValue next = k.Splat(k.Scalar(CombineOp(attrs.kind), {running[0], x}), 1, tile.lanes);
      e.StoreAt(out, at, tile, k.Cast(type.dtype, attrs.exclusive ? running[0] : next));
      return KValues{next};
    });
  });
  context.Launch(kernel);
}

namespace {

// What scatter leaves where it meets an element.
KValue Scattered(kernel::KernelBuilder& k, ir::ScatterKind kind, KValue old, KValue update) {
  const DType dtype = k.type(update).dtype, wide = ir::ComputeType(dtype);
  ScalarOp op = ScalarOp::kAdd;
  switch (kind) {
    case ir::ScatterKind::kSet:
      return update;
    case ir::ScatterKind::kAdd:
      break;
    case ir::ScatterKind::kMax:
      op = ScalarOp::kMax;
      break;
    case ir::ScatterKind::kMin:
      op = ScalarOp::kMin;
      break;
  }
  return k.Cast(dtype, k.Scalar(op, {k.Cast(wide, old), k.Cast(wide, update)}));
}

}  // namespace

namespace {

// A scatter under construction.
struct Scatter {
  const ir::Node& node;
  const ir::ScatterAttrs& attrs;
  ir::TensorType type;
  DType index_type;
  Dim places;
  int x = -1;  // copied first; -1: the result holds it already
  int indices = -1, updates = -1, out = -1;
  VarId outer, inner, element, place;
  IndexExpr batch;
};

// Lanes of a chunk where places are many: wide enough that a row of it is worth going to, and few
// enough for several threads.
constexpr int64_t kStrips = 8;

// For each place in order: its index, tested, and the tiles that `lanes` makes of the chunk.
void EmitPlaces(ElementEmitter& e, LowerContext& context, const Scatter& s,
                const std::function<void(const std::function<void(const Tile&)>&)>& lanes) {
  kernel::KernelBuilder& k = e.builder();
  const IndexExpr row = IndexExpr::Var(s.outer), lane = IndexExpr::Var(s.inner);
  const AroundAxis shape(s.type.dims, s.attrs.axis);
  const IndexExpr at = (row * shape.extent + IndexExpr::Var(s.element)) * shape.inner + lane;
  ForEach(e, s.place, k.ConstI64(0), k.DimValue(s.places), {}, [&](KValues) {
    const IndexExpr from = s.batch * s.places + IndexExpr::Var(s.place);
    const KValue index = k.Cast(DType::kI64, e.LoadAt(s.indices, s.index_type, from, Tile{}));
    const KValue inside =
        k.Scalar(ScalarOp::kAnd, {k.Scalar(ScalarOp::kGe, {index, k.ConstI64(0)}),
                                  k.Scalar(ScalarOp::kLt, {index, k.DimValue(shape.extent)})});
    k.Fault(k.Scalar(ScalarOp::kNot, {inside}), TENON_INDEX_OUT_OF_RANGE,
            context.Site(s.node.location), index);
    k.If(
        inside,
        [&] {
          ElementEmitter::Scope scope(e);
          e.Bind(s.element, index);
          lanes([&](const Tile& tile) {
            const IndexExpr source =
                (row * s.places + IndexExpr::Var(s.place)) * shape.inner + lane;
            const KValue update = e.LoadAt(s.updates, s.type.dtype, source, tile);
            KValue old;
            if (s.attrs.kind != ir::ScatterKind::kSet) {
              old = e.LoadAt(s.out, s.type.dtype, at, tile);
            }
            e.StoreAt(s.out, at, tile, Scattered(k, s.attrs.kind, old, update));
          });
          return KValues();
        },
        nullptr);
    return KValues();
  });
}

}  // namespace

// Chunks own disjoint rows and lanes, and take the places in order: the same bits for any number of
// threads, whatever indices repeat. What is long along the axis is copied by a kernel of its own,
// and then scattered into by a few strips of lanes.
void LowerScatter(LowerContext& context, const fuse::Group& group) {
  const ir::Graph& graph = context.graph();
  const ir::Node& node = graph.node(group.anchor);
  const auto& attrs = node.attrs<ir::ScatterAttrs>();
  const ir::TensorType& type = graph.type(node.results[0]);
  const ir::TensorType& index_type = graph.type(node.operands[1]);
  const AroundAxis shape(type.dims, attrs.axis);
  Dim middle = 1, places = 1;
  for (int64_t d = attrs.batch_dims; d < attrs.axis; ++d) middle = middle * type.dims[d];
  for (size_t d = attrs.batch_dims; d < index_type.dims.size(); ++d) {
    places = places * index_type.dims[d];
  }
  bool in_place = context.place(node.operands[0]) == context.place(node.results[0]);
  const bool strips = shape.outer == Dim(1) && fuse::Size(shape.inner) >= 16 * kStrips &&
                      fuse::Size(places) * fuse::Size(shape.inner) >= 4 * fuse::kWorkOfChunk;
  if (strips && !in_place) {
    EmitCopy(context, context.place(node.operands[0]), context.place(node.results[0]), type.dtype,
             type.NumElements());
    in_place = true;
  }
  KernelContext kernel(context, group, std::string(ir::OpName(node.op)));
  ElementEmitter e(kernel);
  kernel::KernelBuilder& k = e.builder();
  Scatter s{node, attrs, type, index_type.dtype, places};
  if (!in_place) s.x = kernel.Param(node.operands[0], false);
  s.indices = kernel.Param(node.operands[1], false);
  s.updates = kernel.Param(node.operands[2], false);
  s.out = kernel.Param(node.results[0], true);
  kernel.Param(node.results[0], false);  // what it has written it reads again
  IndexSpace& space = e.space();
  s.outer = space.AddLoop(shape.outer), s.inner = space.AddLoop(shape.inner);
  s.element = space.AddLoop(shape.extent), s.place = space.AddLoop(places);
  s.batch = space.Digit(IndexExpr::Var(s.outer), middle, shape.outer);
  if (strips) {
    e.Bind(s.outer, k.ConstI64(0));
    const auto width = static_cast<int64_t>(fuse::Size(shape.inner)) / kStrips / 16 * 16;
    ParallelChunks(e, shape.inner, width, [&](KValue low, KValue count) {
      EmitPlaces(e, context, s, [&](const std::function<void(const Tile&)>& body) {
        ForTiles(e, s.inner, low, count, 16, 1, {}, [&](const Tile& tile, KValues) {
          body(tile);
          return KValues();
        });
      });
    });
    return context.Launch(kernel);
  }
  const IndexExpr at =
      (IndexExpr::Var(s.outer) * shape.extent + IndexExpr::Var(s.element)) * shape.inner +
      IndexExpr::Var(s.inner);
  const double work = 2 * fuse::Size(shape.extent) + 8 * fuse::Size(places);
  ForRows(e, shape, s.outer, s.inner, work, [&](const Tile& tile) {
    if (!in_place) {
      ForEach(e, s.element, k.ConstI64(0), k.DimValue(shape.extent), {}, [&](KValues) {
        e.StoreAt(s.out, at, tile, e.LoadAt(s.x, type.dtype, at, tile));
        return KValues();
      });
    }
    EmitPlaces(e, context, s, [&](const std::function<void(const Tile&)>& body) { body(tile); });
  });
  context.Launch(kernel);
}

namespace {

// Bottom-up merge sort of one row's order, in a local that holds two of them. Every level merges
// runs of `width` from one half into the other.
class RowSorter {
 public:
  RowSorter(ElementEmitter& e, int keys, DType dtype, const Dim& length, bool descending)
      : e_(e), k_(e.builder()), keys_(keys), dtype_(dtype), descending_(descending) {
    size_ = std::max<int64_t>(1, length.UpperBound().value_or(1));
    local_ = k_.AddLocal({.name = "order", .dtype = DType::kI64, .size = 2 * size_});
    while ((int64_t{1} << levels_) < size_) ++levels_;
    length_ = k_.DimValue(length);
  }

  // Sorts by key(i) = keys[base + i * stride]; afterwards Order(i) is the place of element i.
  void Sort(KValue base, KValue stride) {
    base_ = base;
    stride_ = stride;
    const KValue zero = k_.ConstI64(0), one = k_.ConstI64(1);
    k_.For(zero, length_, 1, {}, [&](KValue i, KValues) {
      k_.Store(i, {.buffer = local_, .offset = i});
      return KValues();
    });
    k_.For(zero, k_.ConstI64(levels_), 1, {}, [&](KValue level, KValues) {
      const KValue width = k_.Scalar(ScalarOp::kShl, {one, level});
      const KValue twice = k_.Add(width, width);
      const KValue odd = k_.Scalar(ScalarOp::kAnd, {level, one});
      source_ = k_.Mul(odd, k_.ConstI64(size_));
      target_ = k_.Sub(k_.ConstI64(size_), source_);
      const KValue runs = k_.Scalar(ScalarOp::kDiv, {k_.Add(length_, k_.Sub(twice, one)), twice});
      k_.For(zero, runs, 1, {}, [&](KValue run, KValues) {
        Merge(k_.Mul(run, twice), width);
        return KValues();
      });
      return KValues();
    });
  }

  KValue Order(KValue i) {
    return k_.Load(DType::kI64, 1, 1,
                   {.buffer = local_, .offset = k_.Add(k_.ConstI64(levels_ % 2 * size_), i)});
  }

 private:
  KValue Key(KValue place) {
    const KValue key =
        k_.Load(dtype_, 1, 1, {.buffer = keys_, .offset = k_.Add(base_, k_.Mul(place, stride_))});
    return k_.Cast(ir::ComputeType(dtype_), key);
  }

  // Strictly before, in ascending order; NaN comes last.
  KValue Before(KValue a, KValue b) {
    if (dtype_ == DType::kBool) {
      return k_.Scalar(ScalarOp::kAnd, {k_.Scalar(ScalarOp::kNot, {a}), b});
    }
    const KValue less = k_.Scalar(ScalarOp::kLt, {a, b});
    if (!ir::IsFloat(dtype_)) return less;
    const KValue b_nan = k_.Scalar(ScalarOp::kNe, {b, b});
    const KValue a_number = k_.Scalar(ScalarOp::kEq, {a, a});
    return k_.Scalar(ScalarOp::kOr, {less, k_.Scalar(ScalarOp::kAnd, {b_nan, a_number})});
  }

  // Merges [low, low + width) and [low + width, low + 2 width), cut at the end of the row. The
  // right element is taken only if it belongs strictly before the left one: stable.
  void Merge(KValue low, KValue width) {
    const KValue middle = k_.Min(k_.Add(low, width), length_);
    const KValue high = k_.Min(k_.Add(middle, width), length_);
    k_.For(low, high, 1, {low, middle}, [&](KValue to, KValues at) {
      const KValue left_rest = k_.Scalar(ScalarOp::kLt, {at[0], middle});
      const KValue right_rest = k_.Scalar(ScalarOp::kLt, {at[1], high});
      // Where one side is exhausted its place is read again: any place of the row will do.
      const KValue left = Element(k_.Min(at[0], k_.Sub(high, k_.ConstI64(1))));
      const KValue right = Element(k_.Min(at[1], k_.Sub(high, k_.ConstI64(1))));
      const KValue a = Key(left), b = Key(right);
      const KValue before = descending_ ? Before(a, b) : Before(b, a);
      const KValue both = k_.Scalar(ScalarOp::kAnd, {right_rest, before});
      const KValue take_right =
          k_.Scalar(ScalarOp::kOr, {k_.Scalar(ScalarOp::kNot, {left_rest}), both});
      const KValue chosen = k_.Scalar(ScalarOp::kSelect, {take_right, right, left});
      k_.Store(chosen, {.buffer = local_, .offset = k_.Add(target_, to)});
      const KValue one = k_.ConstI64(1);
      return KValues{k_.Scalar(ScalarOp::kSelect, {take_right, at[0], k_.Add(at[0], one)}),
                     k_.Scalar(ScalarOp::kSelect, {take_right, k_.Add(at[1], one), at[1]})};
    });
  }

  KValue Element(KValue i) {
    return k_.Load(DType::kI64, 1, 1, {.buffer = local_, .offset = k_.Add(source_, i)});
  }

  ElementEmitter& e_;
  kernel::KernelBuilder& k_;
  int keys_;
  DType dtype_;
  bool descending_;
  int local_;
  int64_t size_ = 1;
  int levels_ = 0;
  KValue length_, base_, stride_, source_, target_;
};

}  // namespace

void LowerSort(LowerContext& context, const fuse::Group& group) {
  const ir::Graph& graph = context.graph();
  const ir::Node& node = graph.node(group.anchor);
  const auto& attrs = node.attrs<ir::SortAttrs>();
  const ir::TensorType& type = graph.type(node.operands[0]);
  const AroundAxis shape(type.dims, attrs.axis);
  KernelContext kernel(context, group, std::string(ir::OpName(node.op)));
  ElementEmitter e(kernel);
  kernel::KernelBuilder& k = e.builder();
  const int keys = kernel.Param(node.operands[0], false);
  RowSorter sorter(e, keys, type.dtype, shape.extent, attrs.descending);
  const Dim rows = shape.outer * shape.inner;
  const VarId row = e.space().AddLoop(rows);
  const ElementIndex around =
      e.space().Delinearize(IndexExpr::Var(row), {shape.outer, shape.inner});
  const IndexExpr first = around[0] * (shape.extent * shape.inner) + around[1];
  const KValue stride = k.DimValue(shape.inner);
  const double work = 12 * fuse::Size(shape.extent) * 10;
  ParallelChunks(e, rows, ChunkSize(rows, work, 1), [&](KValue low, KValue count) {
    ForEach(e, row, low, k.Add(low, count), {}, [&](KValues) {
      const KValue base = e.IndexValue(first, Tile{});
      sorter.Sort(base, stride);
      k.For(k.ConstI64(0), k.DimValue(shape.extent), 1, {}, [&](KValue i, KValues) {
        const KValue from = k.Add(base, k.Mul(sorter.Order(i), stride));
        const KValue to = k.Add(base, k.Mul(i, stride));
        for (size_t o = 0; o < node.operands.size(); ++o) {
          const DType dtype = graph.type(node.operands[o]).dtype;
          const int in = kernel.Param(node.operands[o], false);
          const int out = kernel.Param(node.results[o], true);
          k.Store(k.Load(dtype, 1, 1, {.buffer = in, .offset = from}),
                  {.buffer = out, .offset = to});
        }
        return KValues();
      });
      return KValues();
    });
  });
  context.Launch(kernel);
}

}  // namespace tenon::lower

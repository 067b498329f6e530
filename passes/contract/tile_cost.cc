#include "tenon/passes/contract/tile_cost.h"

#include "tenon/ir/dtype.h"

namespace tenon::contract {

namespace {

// Of a tile of which `held` rows are held.
double CostWith(const ir::TargetDesc& target, int64_t rows, int64_t vectors, int64_t held,
                bool far) {
  const double latency = target.fma_latency * target.fma_per_cycle;
  const double loads =
      static_cast<double>(rows - held + vectors) + static_cast<double>(held) / Schedule::kHeldSteps;
  const double loading = loads * target.fma_per_cycle / target.vector_loads_per_cycle;
  return std::max({static_cast<double>(rows * vectors + held), loading, latency}) + 0.05 * loads +
         (far ? 0.35 * static_cast<double>(vectors) : 0);
}

// Held rows take registers beside accumulators, B's vectors, and what LLVM needs for broadcasts;
// they are there where they save something.
int BestHeldRows(const ir::TargetDesc& target, int64_t rows, int64_t vectors) {
  const int spare = target.vector_registers >= 32 ? 2 : 4;
  const int64_t room = target.vector_registers - rows * vectors - vectors - spare;
  int best = 0;
  double cost = 0.95 * CostWith(target, rows, vectors, 0, false);
  for (int held = 1; held <= std::min(rows, room); ++held) {
    const double with = CostWith(target, rows, vectors, held, false);
    if (with >= cost) continue;
    best = held;
    cost = with;
  }
  return best;
}

}  // namespace

double TileCost(const ir::TargetDesc& target, const Schedule& s, int64_t rows, int64_t vectors,
                bool far) {
  const int held = s.holds_rows ? BestHeldRows(target, rows, vectors) : 0;
  return CostWith(target, rows, vectors, held, far);
}

double MatrixTileCost(const ir::TargetDesc& target, int64_t rows, int64_t vectors) {
  return static_cast<double>(CeilDiv(rows, kMatrixSide) * vectors) * target.fma_per_cycle;
}

int HeldRows(const ir::TargetDesc& target, const Schedule& s, int rows, int lanes) {
  const int width = target.Lanes(ir::ByteSize(ir::DType::kF32));
  return s.holds_rows && lanes >= width ? BestHeldRows(target, rows, CeilDiv(lanes, width)) : 0;
}

}  // namespace tenon::contract

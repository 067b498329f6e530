// Contractions against plain loops, in the kernel interpreter: every tail, both operands in every
// order, empty sums, symbolic extents, all types, all register files.
#include <algorithm>

#include "tests/contract/support.h"

namespace tenon::contract {
namespace {

using ir::Dim;
using ir::DType;
using ir::Graph;
using ir::GraphBuilder;
using ir::Literal;
using ir::Value;

const std::vector<ir::TargetDesc>& Targets() {
  static const auto* targets = new std::vector<ir::TargetDesc>{ir::X86Sse2(), ir::X86Avx2(),
                                                               ir::X86Avx512(), ir::Aarch64Neon()};
  return *targets;
}

void CheckEinsum(const std::string& spec, std::vector<int64_t> a, std::vector<int64_t> b,
                 DType dtype = DType::kF32, RunOn run = {}) {
  GraphBuilder g("einsum");
  Value x = g.Input("x", dtype, ShapeOf(a)), y = g.Input("y", dtype, ShapeOf(b));
  absl::StatusOr<Graph> graph = g.Build({{"z", Contract(spec, x, y)}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const Literal lx = Numbers(dtype, a, 1), ly = Numbers(dtype, b, 2);
  const std::vector<Literal> out = Interpret(*graph, {lx, ly}, run);
  ASSERT_EQ(out.size(), 1u);
  std::string what = spec;
  for (int64_t d : a) what += " " + std::to_string(d);
  for (int64_t d : b) what += " " + std::to_string(d);
  ExpectEqual(out[0], EinsumReference(spec, lx, ly), what + " " + run.target.cpu);
}

TEST(ContractTest, MatrixProductsWithEveryTail) {
  for (const ir::TargetDesc& target : Targets()) {
    for (int64_t m : {1, 2, 5, 8, 15}) {
      for (int64_t n : {1, 3, 16, 17, 48, 51}) {
        CheckEinsum("mk,kn->mn", {m, 7}, {7, n}, DType::kF32, {.target = target});
      }
    }
  }
}

TEST(ContractTest, OperandsInEveryOrder) {
  for (const char* spec : {"mk,kn->mn", "km,kn->mn", "mk,nk->mn", "km,nk->mn", "kn,mk->mn",
                           "nk,mk->mn", "kn,km->mn", "nk,km->mn"}) {
    const std::string s(spec);
    const std::map<char, int64_t> extent = {{'m', 11}, {'n', 37}, {'k', 19}};
    CheckEinsum(s, {extent.at(s[0]), extent.at(s[1])}, {extent.at(s[3]), extent.at(s[4])});
  }
}

TEST(ContractTest, BatchesAndSeveralDimensions) {
  CheckEinsum("bmk,bkn->bmn", {3, 5, 4}, {3, 4, 18});
  CheckEinsum("bmk,bkn->mbn", {3, 5, 4}, {3, 4, 18});
  CheckEinsum("bhqd,bhkd->bhqk", {2, 3, 5, 8}, {2, 3, 7, 8});
  CheckEinsum("abk,kcd->acbd", {2, 3, 5}, {5, 4, 6});
  CheckEinsum("akb,bkc->ac", {4, 3, 5}, {5, 3, 20});
  CheckEinsum("mk,n->mn", {3, 4}, {21});  // k summed in one operand alone
  CheckEinsum("m,n->mn", {9}, {21});      // nothing reduced
  CheckEinsum("mkb,knb->mnb", {3, 4, 5}, {4, 2, 5});
  CheckEinsum("k,k->", {33}, {33});
  CheckEinsum("mk,k->m", {33, 20}, {20});
  CheckEinsum("km,k->m", {20, 33}, {20});
}

TEST(ContractTest, EmptyExtents) {
  CheckEinsum("mk,kn->mn", {5, 0}, {0, 17});
  CheckEinsum("mk,kn->mn", {0, 4}, {4, 17});
  CheckEinsum("mk,kn->mn", {5, 4}, {4, 0});
}

TEST(ContractTest, Types) {
  for (DType t : {DType::kF64, DType::kI32, DType::kI64, DType::kI8, DType::kU8}) {
    CheckEinsum("mk,kn->mn", {5, 3}, {3, 19}, t);
    CheckEinsum("mk,nk->mn", {5, 3}, {19, 3}, t);
  }
  // Small integers: exact in bf16 and f16 too.
  for (DType t : {DType::kBF16, DType::kF16}) {
    GraphBuilder g("half");
    Value x = g.Input("x", t, {4, 3}), y = g.Input("y", t, {3, 18});
    absl::StatusOr<Graph> graph = g.Build({{"z", Contract("mk,kn->mn", x, y)}});
    ASSERT_TRUE(graph.ok()) << graph.status();
    Literal lx(t, {4, 3}), ly(t, {3, 18});
    for (int64_t i = 0; i < lx.size(); ++i) lx.SetFromDouble(i, i % 5 - 2);
    for (int64_t i = 0; i < ly.size(); ++i) ly.SetFromDouble(i, i % 7 - 3);
    const std::vector<Literal> out = Interpret(*graph, {lx, ly}, {});
    ASSERT_EQ(out.size(), 1u);
    ExpectEqual(out[0], EinsumReference("mk,kn->mn", lx, ly), std::string(DTypeName(t)));
  }
}

// Long enough that panels are packed in blocks of k, and (exact) that sums wait between them.
TEST(ContractTest, PackedPanelsInBlocks) {
  ir::TargetDesc small = ir::X86Avx2();
  small.l2_bytes = 4096;  // blocks of 16
  CheckEinsum("mk,kn->mn", {20, 70}, {70, 300}, DType::kF32, {.target = small});
  CheckEinsum("mk,nk->mn", {20, 70}, {35, 70}, DType::kF32, {.target = small});
  CheckEinsum("mkj,nkj->mn", {20, 9, 5}, {35, 9, 5}, DType::kF32, {.target = small});
  CheckEinsum("amk,nk->amn", {3, 20, 70}, {35, 70}, DType::kF32, {.target = small});
  CheckEinsum("mk,kn->mn", {20, 0}, {0, 300}, DType::kF32, {.target = small});
  CheckEinsum("mk,kn->mn", {3, 70}, {70, 300}, DType::kF32, {.target = small});
  // Read where it lies, but in blocks of k all the same.
  CheckEinsum("mk,kn->mn", {40, 600}, {600, 20}, DType::kF32, {.target = small});
  CheckEinsum("jkm,jkn->mn", {40, 20, 33}, {40, 20, 18}, DType::kF32, {.target = small});
}

TEST(ContractTest, LongSumsAreCutInPieces) {
  CheckEinsum("km,kn->mn", {5000, 3}, {5000, 17});
  CheckEinsum("bkm,bkn->mn", {40, 130, 3}, {40, 130, 17});
}

TEST(ContractTest, EpilogueWithBiasAndResidual) {
  for (const ir::TargetDesc& target : Targets()) {
    GraphBuilder g("dense");
    Value x = g.Input("x", ir::F32, {9, 6}), w = g.Input("w", ir::F32, {6, 35});
    Value bias = g.Input("b", ir::F32, {35}), r = g.Input("r", ir::F32, {9, 35});
    Value product = Contract("mk,kn->mn", x, w);
    Value y = Max(product + BroadcastTo(bias, {9, 35}), 0) + r;
    absl::StatusOr<Graph> graph = g.Build({{"y", y}, {"p", product}});
    ASSERT_TRUE(graph.ok()) << graph.status();
    const Literal lx = Numbers(ir::F32, {9, 6}, 1), lw = Numbers(ir::F32, {6, 35}, 2);
    const Literal lb = Numbers(ir::F32, {35}, 3), lr = Numbers(ir::F32, {9, 35}, 4);
    const std::vector<Literal> out = Interpret(*graph, {lx, lw, lb, lr}, {.target = target});
    ASSERT_EQ(out.size(), 2u);
    std::vector<double> p = EinsumReference("mk,kn->mn", lx, lw), e = p;
    for (size_t i = 0; i < e.size(); ++i) {
      const int64_t at = static_cast<int64_t>(i);
      e[i] = std::max(0.0, e[i] + lb.GetAsDouble(at % 35)) + lr.GetAsDouble(at);
    }
    ExpectEqual(out[0], e, "y");
    ExpectEqual(out[1], p, "p");
  }
}

TEST(ContractTest, SymbolicExtentsEverywhere) {
  // The last: with columns summed along k, whose results wait.
  const std::vector<std::pair<const char*, int64_t>> specs = {
      {"mk,kn->mn", 9}, {"km,kn->mn", 9}, {"mk,nk->mn", 9}, {"mk,kn->mn", 90}};
  for (const auto& [spec, k] : specs) {
    for (char symbolic : {'m', 'n', 'k'}) {
      const std::string s(spec);
      std::map<char, int64_t> extent = {{'m', 13}, {'n', 35}, {'k', k}};
      const Dim n = Dim("s").AtMost(40);
      const auto dim = [&](char c) { return c == symbolic ? n : Dim(extent[c]); };
      GraphBuilder g("symbolic");
      Value x = g.Input("x", ir::F32, {dim(s[0]), dim(s[1])});
      Value y = g.Input("y", ir::F32, {dim(s[3]), dim(s[4])});
      absl::StatusOr<Graph> graph = g.Build({{"z", Contract(s, x, y) + 1}});
      ASSERT_TRUE(graph.ok()) << graph.status();
      for (int64_t value : {0, 1, 7, 16, 40}) {
        extent[symbolic] = value;
        const Literal lx = Numbers(ir::F32, {extent[s[0]], extent[s[1]]}, 1);
        const Literal ly = Numbers(ir::F32, {extent[s[3]], extent[s[4]]}, 2);
        for (const ir::TargetDesc& target : {ir::X86Avx2(), ir::X86Avx512()}) {
          const std::vector<Literal> out =
              Interpret(*graph, {lx, ly}, {.target = target, .extents = {value}});
          ASSERT_EQ(out.size(), 1u);
          std::vector<double> expected = EinsumReference(s, lx, ly);
          for (double& e : expected) e += 1;
          ExpectEqual(out[0], expected, s + " " + symbolic + "=" + std::to_string(value));
        }
      }
    }
  }
}

// At `exact` every sum is a chain of separate products and sums in the graph's order; at `standard`
// it is one of fused multiply-adds, or where lanes run along k sixteen of them and a tree.
TEST(ContractTest, ExactNumericsRoundEveryStep) {
  constexpr int64_t kM = 5, kN = 19, kK = 600;
  GraphBuilder g("exact");
  Value x = g.Input("x", ir::F32, {kM, kK}), y = g.Input("y", ir::F32, {kK, kN});
  absl::StatusOr<Graph> graph = g.Build({{"z", Contract("mk,kn->mn", x, y)}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  Literal lx(ir::F32, {kM, kK}), ly(ir::F32, {kK, kN});
  for (int64_t i = 0; i < lx.size(); ++i) lx.SetFromDouble(i, std::sin(i + 1.0));
  for (int64_t i = 0; i < ly.size(); ++i) ly.SetFromDouble(i, std::cos(i * 0.7));
  for (passes::Numerics numerics : {passes::Numerics::kExact, passes::Numerics::kStandard}) {
    std::vector<double> expected;
    const bool fused = numerics != passes::Numerics::kExact;
    for (int64_t m = 0; m < kM; ++m) {
      for (int64_t n = 0; n < kN; ++n) {
        float sums[16] = {};
        const int64_t chains = fused && n >= 16 ? 16 : 1;
        for (int64_t k = 0; k < kK; ++k) {
          const float a = lx.data<float>()[m * kK + k], b = ly.data<float>()[k * kN + n];
          float& sum = sums[k % chains];
          sum = fused ? std::fma(a, b, sum) : sum + a * b;
        }
        for (int64_t half = chains / 2; half > 0; half /= 2) {
          for (int64_t i = 0; i < half; ++i) sums[i] += sums[i + half];
        }
        expected.push_back(sums[0]);
      }
    }
    for (const ir::TargetDesc& target : {ir::X86Avx2(), ir::X86Avx512()}) {
      RunOn run{.target = target};
      run.options.numerics = numerics;
      const std::vector<Literal> out = Interpret(*graph, {lx, ly}, run);
      ASSERT_EQ(out.size(), 1u);
      ExpectEqual(out[0], expected, fused ? "standard" : "exact");
    }
  }
}

}  // namespace
}  // namespace tenon::contract

// Operands that packing evaluates, and panels that `prepare` packs: the same bits as with every
// value stored, on every kind of target, natively as in the interpreter; and what the plan says of
// them.
#include <cstring>

#include "tenon/passes/fuse/fuse.h"
#include "tests/contract/native.h"

namespace tenon::contract {
namespace {

using ir::Dim;
using ir::DType;
using ir::Graph;
using ir::GraphBuilder;
using ir::Literal;
using ir::Value;

kernel::Program Schedule(const Graph& graph, const RunOn& run) {
  absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(graph, run.target, run.options);
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? *std::move(program) : kernel::Program();
}

// Kernels that the steps launch.
int Launches(const std::vector<kernel::Step>& steps) {
  int launches = 0;
  for (const kernel::Step& step : steps) launches += step.kind == kernel::Step::Kind::kLaunch;
  return launches;
}

// The bits are those of an unfused program; `launches` are what a step takes.
void CheckFused(const Graph& graph, const std::vector<Literal>& inputs, RunOn run, int launches) {
  SCOPED_TRACE(run.target.cpu);
  const kernel::Program program = Schedule(graph, run);
  EXPECT_EQ(Launches(program.step), launches) << kernel::Print(program);
  const std::vector<Literal> fused = Interpret(graph, inputs, run);
  run.options.disabled_passes.insert("fuse");
  EXPECT_EQ(fused, Interpret(graph, inputs, run));
}

// On this machine, with small caches too: to the bit what the interpreter gives.
void CheckNative(const Graph& graph, const std::vector<Literal>& inputs,
                 const std::vector<int64_t>& extents = {}) {
  for (const codegen::NamedTarget& t : codegen::RunnableTargets()) {
    for (int64_t l2_bytes : {int64_t{8} << 10, t.target.l2_bytes}) {
      SCOPED_TRACE(testing::Message() << t.name << " " << l2_bytes);
      ir::TargetDesc target = t.target;
      target.l2_bytes = l2_bytes;
      RunNatively(graph, target, extents, inputs);
    }
  }
}

std::vector<ir::TargetDesc> Targets() {
  std::vector<ir::TargetDesc> targets = {ir::X86Sse2(), ir::X86Avx2(), ir::X86Avx512()};
  for (size_t i = 0; i < 3; ++i) {
    targets.push_back(targets[i]);
    targets.back().l1_bytes = 4 << 10;
    targets.back().l2_bytes = 8 << 10;  // several blocks of rows and of k
  }
  return targets;
}

// One of the operands is a chain of operations with a broadcast in it.
Graph WithChain(const Product& p, bool of_a) {
  const std::vector<int64_t> a = p.a(), b = p.b();
  GraphBuilder g("chain");
  Value x = g.Input("x", ir::F32, ShapeOf(a)), y = g.Input("y", ir::F32, ShapeOf(b));
  const std::vector<int64_t>& dims = of_a ? a : b;
  Value s = g.Input("s", ir::F32, {dims.back()});
  Value& operand = of_a ? x : y;
  operand = Tanh(operand * BroadcastTo(s, ShapeOf(dims))) + 0.25;
  absl::StatusOr<Graph> graph = g.Build({{"z", Max(Contract(p.spec, x, y), 0)}});
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

std::vector<Literal> InputsOf(const Product& p, bool of_a) {
  const std::vector<int64_t> a = p.a(), b = p.b();
  return {Digits(ir::F32, a, 1), Digits(ir::F32, b, 2),
          Digits(ir::F32, {of_a ? a.back() : b.back()}, 3)};
}

TEST(PrologueTest, ChainsOnEitherOperandAreOneKernel) {
  for (const Product& p : {Product{"mk,kn->mn", 13, 20, 51}, Product{"mk,nk->mn", 9, 37, 35},
                           Product{"km,kn->mn", 21, 18, 20}, Product{"km,nk->mn", 7, 40, 16},
                           Product{"bmk,bkn->bmn", 5, 9, 18}, Product{"mk,kn->mn", 1, 30, 20},
                           Product{"mk,kn->mn", 9, 100, 19}, Product{"mk,nk->mn", 6, 70, 17}}) {
    for (bool of_a : {false, true}) {
      SCOPED_TRACE(testing::Message() << p.spec << (of_a ? " a" : " b"));
      const Graph graph = WithChain(p, of_a);
      for (const ir::TargetDesc& target : Targets()) {
        CheckFused(graph, InputsOf(p, of_a), {.target = target}, 1);
      }
    }
  }
}

TEST(PrologueTest, NativeEqualsInterpreter) {
  for (const Product& p : {Product{"mk,kn->mn", 13, 40, 51}, Product{"mk,nk->mn", 9, 37, 35},
                           Product{"km,nk->mn", 21, 18, 20}}) {
    for (bool of_a : {false, true}) {
      SCOPED_TRACE(testing::Message() << p.spec << (of_a ? " a" : " b"));
      CheckNative(WithChain(p, of_a), InputsOf(p, of_a));
    }
  }
}

TEST(PrologueTest, ConversionsAreEvaluatedWhilePacking) {
  for (DType from : {DType::kBF16, DType::kF16}) {
    for (const char* spec : {"mk,kn->mn", "mk,nk->mn", "km,kn->mn"}) {
      SCOPED_TRACE(spec);
      const Product p{spec, 12, 21, 40};
      GraphBuilder g("half");
      Value x = g.Input("x", from, ShapeOf(p.a()));
      Value y = g.Input("y", from, ShapeOf(p.b()));
      absl::StatusOr<Graph> graph = g.Build({{"z", Contract(spec, x, y, /*wide=*/true)}});
      ASSERT_TRUE(graph.ok()) << graph.status();
      const std::vector<Literal> inputs = {Digits(from, p.a(), 1), Digits(from, p.b(), 2)};
      for (const ir::TargetDesc& target : Targets()) {
        CheckFused(*graph, inputs, {.target = target}, 1);
      }
    }
  }
}

// f32 operands cast to bf16 in front of dot2, as mixed precision has them.
TEST(PrologueTest, PairsOfCastOperands) {
  for (const Product& p : {Product{"mk,kn->mn", 13, 70, 51}, Product{"mk,nk->mn", 9, 66, 35},
                           Product{"mk,nk->mn", 20, 8, 16}, Product{"mk,kn->mn", 3, 2, 1},
                           Product{"km,kn->mn", 37, 20, 18}}) {
    SCOPED_TRACE(p.spec);
    GraphBuilder g("mixed");
    Value x = g.Input("x", ir::F32, ShapeOf(p.a()));
    const std::vector<int64_t> b = p.b();
    Value y = g.Input("y", ir::F32, ShapeOf(b));
    Value z = Contract(p.spec, Cast(x, DType::kBF16), Cast(y, DType::kBF16), /*wide=*/true);
    absl::StatusOr<Graph> graph = g.Build({{"z", z}});
    ASSERT_TRUE(graph.ok()) << graph.status();
    const std::vector<Literal> inputs = {Digits(ir::F32, p.a(), 1), Digits(ir::F32, b, 2)};
    for (ir::TargetDesc target : Targets()) {
      target.has_bf16_dot = true;
      CheckFused(*graph, inputs, {.target = target}, 1);
    }
    CheckNative(*graph, inputs);
  }
}

// One m loop and one panel after another: the zeros around an image are never stored.
TEST(PrologueTest, PaddingIsEvaluatedWhilePacking) {
  GraphBuilder g("conv");
  Value x = g.Input("x", ir::F32, {1, 30, 4}), f = g.Input("f", ir::F32, {5, 4, 40});
  ir::ConvAttrs attrs;
  attrs.stride = {2};
  attrs.dilation = {1};
  attrs.pad_low = {2};
  attrs.pad_high = {3};
  absl::StatusOr<Graph> graph = g.Build({{"z", Conv(x * 2 + 1, f, attrs)}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const std::vector<Literal> inputs = {Digits(ir::F32, {1, 30, 4}, 1),
                                       Digits(ir::F32, {5, 4, 40}, 2)};
  for (const ir::TargetDesc& target : Targets()) CheckFused(*graph, inputs, {.target = target}, 1);
  CheckNative(*graph, inputs);
}

// Over several m loops the padded copy stays, and evaluates the chain.
TEST(PrologueTest, CopiesOfPaddedImagesEvaluateTheChain) {
  GraphBuilder g("conv");
  Value x = g.Input("x", ir::F32, {2, 12, 12, 3}), f = g.Input("f", ir::F32, {3, 3, 3, 20});
  ir::ConvAttrs attrs;
  attrs.stride = attrs.dilation = attrs.pad_low = attrs.pad_high = {1, 1};
  absl::StatusOr<Graph> graph = g.Build({{"z", Conv(Exp(x) + 1, f, attrs)}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const std::vector<Literal> inputs = {Digits(ir::F32, {2, 12, 12, 3}, 1),
                                       Digits(ir::F32, {3, 3, 3, 20}, 2)};
  for (const ir::TargetDesc& target : Targets()) CheckFused(*graph, inputs, {.target = target}, 2);
}

TEST(PrologueTest, SymbolicExtents) {
  for (char symbolic : {'m', 'n', 'k'}) {
    const Dim s = Dim("s").AtMost(40);
    const auto dim = [&](char c, int64_t d) { return c == symbolic ? s : Dim(d); };
    GraphBuilder g("symbolic");
    Value x = g.Input("x", ir::F32, {dim('k', 9), dim('m', 13)});
    Value y = g.Input("y", ir::F32, {dim('n', 35), dim('k', 9)});
    Value z = Contract("km,nk->mn", x * x + 1, y * y - 1);
    absl::StatusOr<Graph> graph = g.Build({{"z", z}});
    ASSERT_TRUE(graph.ok()) << graph.status();
    for (int64_t value : {0, 1, 7, 16, 40}) {
      const auto at = [&](char c, int64_t d) { return c == symbolic ? value : d; };
      const std::vector<Literal> inputs = {Digits(ir::F32, {at('k', 9), at('m', 13)}, 1),
                                           Digits(ir::F32, {at('n', 35), at('k', 9)}, 2)};
      for (const ir::TargetDesc& target : Targets()) {
        CheckFused(*graph, inputs, {.target = target, .extents = {value}}, 1);
      }
    }
  }
}

// What a prologue reads at many places may not be overwritten by the results.
TEST(PrologueTest, DonatedInputsOfAPrologueAreNotOverwrittenEarly) {
  GraphBuilder g("donated");
  Value a = g.Input("a", ir::F32, {40, 40}), x = g.Input("x", ir::F32, {40, 40});
  g.Donate("y", "x");
  absl::StatusOr<Graph> graph = g.Build({{"y", Contract("mk,kn->mn", a, x * 2 + 1) + x}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const std::vector<Literal> inputs = {Numbers(ir::F32, {40, 40}, 1),
                                       Numbers(ir::F32, {40, 40}, 2)};
  Literal doubled(ir::F32, {40, 40});
  for (int64_t i = 0; i < doubled.size(); ++i) {
    doubled.SetFromDouble(i, 2 * inputs[1].GetAsDouble(i) + 1);
  }
  std::vector<double> expected = EinsumReference("mk,kn->mn", inputs[0], doubled);
  for (size_t i = 0; i < expected.size(); ++i) {
    expected[i] += inputs[1].GetAsDouble(static_cast<int64_t>(i));
  }
  for (const ir::TargetDesc& target : Targets()) {
    const std::vector<Literal> out = Interpret(*graph, inputs, {.target = target});
    ASSERT_EQ(out.size(), 1u);
    ExpectEqual(out[0], expected, "y");
  }
}

// --- The plan

std::string PlanOf(const Graph& graph) {
  return fuse::Fuse(graph, ir::X86Avx2(), {}).ToString(graph);
}

std::string PlanOfChain(int64_t m, const std::function<Value(Value)>& chain) {
  GraphBuilder g("plan");
  Value x = g.Input("x", ir::F32, {m, 512}), y = g.Input("y", ir::F32, {512, 512});
  absl::StatusOr<Graph> graph = g.Build({{"z", Contract("mk,kn->mn", x, chain(y))}});
  EXPECT_TRUE(graph.ok()) << graph.status();
  return PlanOf(*graph);
}

TEST(PrologueTest, CostDecides) {
  // One block of rows packs B once: any work may be left to it.
  EXPECT_EQ(PlanOfChain(16, [](Value y) { return Exp(y); }), "contract {exp contract} stores 1\n");
  // Many pack it again and again: an addition is repeated, an exponential is not.
  EXPECT_EQ(PlanOfChain(2048, [](Value y) { return y + 1; }),
            "contract {broadcast add contract} stores 1\n");
  EXPECT_EQ(PlanOfChain(2048, [](Value y) { return Exp(Exp(y)); }),
            "map {exp exp} stores 1\ncontract {contract} stores 1\n"
            "cut after exp: packing would evaluate it again and again\n");
}

TEST(PrologueTest, EpiloguesAndRowsComeFirst) {
  GraphBuilder g("homes");
  Value x = g.Input("x", ir::F32, {64, 64}), w = g.Input("w", ir::F32, {64, 64});
  Value h = Tanh(Contract("mk,kn->mn", x, w));
  absl::StatusOr<Graph> graph = g.Build({{"z", Contract("mk,kn->mn", w, h)}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(PlanOf(*graph),
            "contract {contract tanh} stores 1\ncontract {contract} stores 1\n"
            "cut after tanh: a contraction reads it, and the kernel before has a place for it\n");
}

// --- Panels packed by `prepare`

Graph Inference(const Product& p, bool with_chain) {
  GraphBuilder g("inference");
  const std::vector<int64_t> a = p.a(), b = p.b();
  Value x = g.Input("x", ir::F32, ShapeOf(a)), w = g.Parameter("w", ir::F32, ShapeOf(b));
  if (with_chain) w = Exp(w) - 1;
  absl::StatusOr<Graph> graph = g.Build({{"z", Max(Contract(p.spec, x, w), 0)}});
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

TEST(PrepackTest, ParametersArePackedOnce) {
  for (const Product& p : {Product{"mk,kn->mn", 40, 20, 300}, Product{"mk,nk->mn", 9, 37, 70},
                           Product{"bmk,bnk->bmn", 9, 18, 35}, Product{"mk,nk->mn", 30, 600, 33},
                           Product{"mk,kn->mn", 1, 40, 600}}) {
    for (bool with_chain : {false, true}) {
      SCOPED_TRACE(testing::Message() << p.spec << " " << with_chain);
      const Graph graph = Inference(p, with_chain);
      const std::vector<Literal> inputs = {Digits(ir::F32, p.a(), 1), Digits(ir::F32, p.b(), 2)};
      for (const ir::TargetDesc& target : Targets()) {
        const kernel::Program program = Schedule(graph, {.target = target});
        EXPECT_EQ(Launches(program.prepare), 1) << kernel::Print(program);
        CheckFused(graph, inputs, {.target = target}, 1);
      }
      CheckNative(graph, inputs);
    }
  }
}

TEST(PrepackTest, PairsAndFilters) {
  {
    const Product p{"mk,kn->mn", 13, 70, 51};
    GraphBuilder g("pairs");
    Value x = g.Input("x", DType::kBF16, {p.m, p.k});
    Value w = g.Parameter("w", DType::kBF16, {p.k, p.n});
    absl::StatusOr<Graph> graph = g.Build({{"z", Contract(p.spec, x, w, /*wide=*/true)}});
    ASSERT_TRUE(graph.ok()) << graph.status();
    const std::vector<Literal> inputs = {Digits(DType::kBF16, {p.m, p.k}, 1),
                                         Digits(DType::kBF16, {p.k, p.n}, 2)};
    for (ir::TargetDesc target : Targets()) {
      target.has_bf16_dot = true;
      EXPECT_EQ(Launches(Schedule(*graph, {.target = target}).prepare), 1);
      CheckFused(*graph, inputs, {.target = target}, 1);
    }
    CheckNative(*graph, inputs);
  }
  GraphBuilder g("conv");
  Value x = g.Input("x", ir::F32, {2, 9, 8, 20});
  Value f = g.Parameter("f", ir::F32, {3, 3, 20, 300});
  ir::ConvAttrs attrs;
  attrs.stride = attrs.dilation = {1, 1};
  attrs.pad_low = attrs.pad_high = {0, 0};
  absl::StatusOr<Graph> graph = g.Build({{"z", Conv(x, f, attrs)}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const std::vector<Literal> inputs = {Digits(ir::F32, {2, 9, 8, 20}, 1),
                                       Digits(ir::F32, {3, 3, 20, 300}, 2)};
  for (const ir::TargetDesc& target : Targets()) {
    EXPECT_EQ(Launches(Schedule(*graph, {.target = target}).prepare), 1);
    CheckFused(*graph, inputs, {.target = target}, 1);
  }
}

// A parameter that the program updates is packed in the step.
TEST(PrepackTest, UpdatedParametersAreNot) {
  GraphBuilder g("training");
  Value x = g.Input("x", ir::F32, {40, 20}), w = g.Parameter("w", ir::F32, {20, 300});
  g.Donate("w2", "w");
  absl::StatusOr<Graph> graph = g.Build({{"z", Contract("mk,kn->mn", x, w)}, {"w2", w * 0.5}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const kernel::Program program = Schedule(*graph, {});
  EXPECT_EQ(Launches(program.prepare), 0);
  EXPECT_EQ(program.prepared_bytes, 0);
}

// Where it is not wanted, or the target has no memory to spare, each step packs; the bits stay.
TEST(PrepackTest, IsTheTargetsToChooseAndTheUsers) {
  const Product p{"mk,kn->mn", 40, 20, 300};
  for (bool with_chain : {false, true}) {
    const Graph graph = Inference(p, with_chain);
    const std::vector<Literal> inputs = {Digits(ir::F32, p.a(), 1), Digits(ir::F32, p.b(), 2)};
    for (const ir::TargetDesc& target : {ir::X86Avx2(), ir::CortexM7()}) {
      SCOPED_TRACE(testing::Message() << target.cpu << " " << with_chain);
      const auto bytes = [&](passes::Prepack prepack) {
        return Schedule(graph, {.target = target, .options = {.prepack = prepack}}).prepared_bytes;
      };
      const int64_t always = bytes(passes::Prepack::kAlways),
                    never = bytes(passes::Prepack::kNever);
      EXPECT_GE(always, 4 * 20 * 300);
      // What is computed of parameters alone has its place there all the same.
      EXPECT_EQ(never, with_chain ? 4 * 20 * 300 : 0);
      EXPECT_EQ(bytes(passes::Prepack::kTarget), target.prepacks ? always : never);
      const std::vector<Literal> expected = Interpret(
          graph, inputs, {.target = target, .options = {.prepack = passes::Prepack::kAlways}});
      const std::vector<Literal> found = Interpret(
          graph, inputs, {.target = target, .options = {.prepack = passes::Prepack::kNever}});
      ASSERT_EQ(expected.size(), found.size());
      for (size_t i = 0; i < found.size(); ++i) {
        ASSERT_EQ(expected[i].byte_size(), found[i].byte_size());
        EXPECT_EQ(std::memcmp(expected[i].bytes(), found[i].bytes(), found[i].byte_size()), 0);
      }
    }
  }
}

}  // namespace
}  // namespace tenon::contract

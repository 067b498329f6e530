// Every target of ir/targets.def that is no x86-64: the op suite's samples and three training steps
// of an MLP and a CNN, cross-compiled and run under an emulator. To the bit as the kernel
// interpreter has them for that target, and where the target has FMA as it has them for this kind
// of machine.
//
// TENON_ALL_SAMPLES=1 runs every sample, otherwise one of each op.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tenon/codegen/aot/helpers.h"
#include "tenon/ir/builder.h"
#include "tenon/ir/kernel/interpreter.h"
#include "tenon/ir/target.h"
#include "tenon/ir/text.h"
#include "tenon/passes/compile.h"
#include "tests/ops/sample.h"
#include "tests/targets/emulators.h"

namespace tenon::tests {
namespace {

using ir::Literal;

bool AllOfThem() { return std::getenv("TENON_ALL_SAMPLES") != nullptr; }

absl::StatusOr<kernel::InterpretResult> Interpret(const kernel::Program& program,
                                                  const ir::Extents& extents,
                                                  const std::vector<Literal>& inputs) {
  std::vector<int64_t> values;
  for (const kernel::Symbol& symbol : program.symbols) values.push_back(extents.at(symbol.name));
  return kernel::Interpret(program, values, inputs, {});
}

class TargetTest : public testing::TestWithParam<Emulator> {
 protected:
  void SetUp() override {
    if (!IsInstalled(GetParam())) GTEST_SKIP() << "compiler or emulator are not installed";
  }
  const ir::TargetDesc target_ = ir::FindTarget(GetParam().target).value();
};

struct Expected {
  std::string name;
  kernel::InterpretResult result;
};

TEST_P(TargetTest, SamplesOfAllOps) {
  EmulatedPrograms programs(GetParam());
  std::vector<EmulatedRun> runs;
  std::vector<Expected> expected;
  std::set<ir::OpCode> seen;
  std::optional<std::regex> skips;
  if (GetParam().skips != nullptr) skips.emplace(GetParam().skips);
  for (const Sample& sample : AllSamples()) {
    if (skips.has_value() && std::regex_match(sample.name, *skips)) continue;
    if (!seen.insert(sample.op).second && !AllOfThem()) continue;
    SCOPED_TRACE(sample.name);
    const absl::StatusOr<BuiltSample> built = BuildSample(sample);
    ASSERT_TRUE(built.ok()) << built.status();
    const auto program = passes::CompileToProgram(built->graph, target_, {});
    ASSERT_TRUE(program.ok()) << program.status();
    const absl::StatusOr<int> number = programs.Add(*program);
    ASSERT_TRUE(number.ok()) << number.status();
    for (const ir::Extents& extents : sample.extents) {
      EmulatedRun run;
      run.program = *number;
      run.extents = extents;
      run.inputs = MakeInputs(built->graph, built->fills, extents, sample.name).value();
      const auto result = Interpret(*program, extents, run.inputs);
      ASSERT_TRUE(result.ok()) << result.status();
      expected.push_back({absl::StrCat(sample.name, " ", ExtentsToString(extents)), *result});
      runs.push_back(std::move(run));
    }
  }
  const absl::Status status = programs.Run(&runs);
  ASSERT_TRUE(status.ok()) << status;
  for (size_t i = 0; i < runs.size(); ++i) {
    SCOPED_TRACE(expected[i].name);
    ASSERT_EQ(runs[i].status, expected[i].result.status);
    if (runs[i].status != TENON_OK) continue;
    for (size_t o = 0; o < runs[i].outputs.size(); ++o) {
      EXPECT_EQ(Difference(expected[i].result.outputs[o], runs[i].outputs[o]), "");
    }
  }
  // What objects need of others is what docs/aot.md says.
  const auto undefined = programs.UndefinedSymbols();
  ASSERT_TRUE(undefined.ok()) << undefined.status();
  const std::set<std::string> listed = codegen::HelperSymbols(target_);
  for (const std::string& symbol : *undefined) EXPECT_EQ(listed.count(symbol), 1u) << symbol;
  if (!AllOfThem()) return;
  const std::set<std::string> found(undefined->begin(), undefined->end());
  for (const std::string& symbol : listed) {
    if (codegen::IsMemoryFunction(symbol)) continue;
    EXPECT_EQ(found.count(symbol), 1u) << symbol;
  }
}

// Long runs of doubles, copied under pressure for registers: what LLVM has got wrong on the
// Cortex-M4.
TEST_P(TargetTest, RunsOfDoublesAreCopied) {
  ir::GraphBuilder b("runs");
  const ir::Dim n = ir::Dim("n").AtMost(6);
  const ir::Value x = b.Input("x", ir::F64, {n + ir::Dim(3), 4});
  const absl::StatusOr<ir::Graph> graph =
      b.Build({{"most", ir::Slice(x, {1, 0}, {n + ir::Dim(1), 4})},
               {"corner", ir::Slice(x, {n, 1}, {n + ir::Dim(2), 3})}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto program = passes::CompileToProgram(*graph, target_, {});
  ASSERT_TRUE(program.ok()) << program.status();
  EmulatedPrograms programs(GetParam());
  ASSERT_TRUE(programs.Add(*program).ok());
  std::vector<EmulatedRun> runs(1);
  runs[0].extents = {{"n", 6}};
  runs[0].inputs = MakeInputs(*graph, {Uniform(-1, 1)}, runs[0].extents, "runs").value();
  const absl::Status status = programs.Run(&runs);
  ASSERT_TRUE(status.ok()) << status;
  const auto expected = Interpret(*program, runs[0].extents, runs[0].inputs);
  ASSERT_TRUE(expected.ok()) << expected.status();
  for (size_t o = 0; o < expected->outputs.size(); ++o) {
    EXPECT_EQ(Difference(expected->outputs[o], runs[0].outputs[o]), "");
  }
}

ir::Graph Shrunk(const std::string& name) {
  std::ifstream file(absl::StrCat(TENON_SOURCE_DIR, "/examples/models/", name));
  std::stringstream text;
  text << file.rdbuf();
  // So that the interpreter and the boards have done in seconds what they do.
  std::string small = absl::StrReplaceAll(text.str(), {{"n<=64", "n<=4"}});
  const std::pair<const char*, const char*> sizes[] = {
      {"512", "40"}, {"256", "24"}, {"784", "100"}};
  for (const auto& [from, to] : sizes) {  // where they are extents
    small = std::regex_replace(small, std::regex(absl::StrCat("([\\[,])", from, "(?=[,\\]])")),
                               absl::StrCat("$01", to));
  }
  const absl::StatusOr<ir::Graph> graph = ir::Parse(small);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *graph;
}

// Three steps on inputs of their own: outputs of the last one, and of all for those that move.
std::vector<std::vector<Literal>> InterpretSteps(const kernel::Program& program,
                                                 const ir::Extents& extents,
                                                 std::vector<std::vector<Literal>> inputs) {
  std::vector<std::vector<Literal>> outputs;
  for (size_t step = 0; step < inputs.size(); ++step) {
    const auto result = Interpret(program, extents, inputs[step]);
    EXPECT_TRUE(result.ok()) << result.status();
    size_t output = 0;
    for (const kernel::Binding& binding : program.bindings) {
      if (!binding.is_output) continue;
      if (binding.donated_input >= 0 && step + 1 < inputs.size()) {
        inputs[step + 1][binding.donated_input] = result->outputs[output];
      }
      ++output;
    }
    outputs.push_back(result->outputs);
  }
  return outputs;
}

void CheckTraining(const Emulator& emulator, const ir::TargetDesc& target,
                   const std::string& model) {
  constexpr int kSteps = 3;
  const ir::Graph graph = Shrunk(model);
  const ir::Extents extents = {{"n", 3}};
  const auto program = passes::CompileToProgram(graph, target, {});
  ASSERT_TRUE(program.ok()) << program.status();
  std::vector<Fill> fills;
  for (const ir::Input& input : graph.inputs()) {
    const bool is_float = ir::IsFloat(graph.type(input.value).dtype);
    const bool is_learned = input.kind == ir::InputKind::kParameter;
    fills.push_back(is_learned ? Uniform(-0.2, 0.2) : is_float ? Uniform(0, 0.1) : IndexInto(8));
  }
  std::vector<std::vector<Literal>> inputs;
  for (int step = 0; step < kSteps; ++step) {
    inputs.push_back(MakeInputs(graph, fills, extents, absl::StrCat(model, step)).value());
  }
  EmulatedPrograms programs(emulator);
  const auto number = programs.Add(*program);
  ASSERT_TRUE(number.ok()) << number.status();
  EmulatedRun run;
  run.program = *number;
  run.steps = kSteps;
  run.extents = extents;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const ir::Input& input = graph.inputs()[i];
    Literal value = inputs[0][i];
    if (input.kind == ir::InputKind::kInput) {
      std::vector<int64_t> dims(value.dims().begin(), value.dims().end());
      dims.insert(dims.begin(), kSteps);
      Literal all(value.dtype(), dims);
      for (int step = 0; step < kSteps; ++step) {
        std::memcpy(all.mutable_bytes() + step * value.byte_size(), inputs[step][i].bytes(),
                    value.byte_size());
      }
      value = std::move(all);
    } else {
      for (int step = 1; step < kSteps; ++step) inputs[step][i] = value;
    }
    run.inputs.push_back(std::move(value));
  }
  std::vector<EmulatedRun> runs = {run};
  const absl::Status status = programs.Run(&runs);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(runs[0].status, TENON_OK);

  std::vector<ir::TargetDesc> alike = {target};
  if (target.has_fma) alike.push_back(ir::X86Avx2());
  for (const ir::TargetDesc& other : alike) {
    SCOPED_TRACE(other.cpu);
    const auto own = passes::CompileToProgram(graph, other, {});
    ASSERT_TRUE(own.ok()) << own.status();
    const auto expected = InterpretSteps(*own, extents, inputs);
    for (size_t o = 0; o < graph.outputs().size(); ++o) {
      const Literal& actual = runs[0].outputs[o];
      const bool moves = graph.outputs()[o].donated_input < 0;
      for (int step = moves ? 0 : kSteps - 1; step < kSteps; ++step) {
        const Literal& wanted = expected[step][o];
        Literal found(wanted.dtype(), {wanted.dims().begin(), wanted.dims().end()});
        std::memcpy(found.mutable_bytes(), actual.bytes() + (moves ? step * wanted.byte_size() : 0),
                    found.byte_size());
        EXPECT_EQ(Difference(wanted, found), "") << graph.outputs()[o].name << ", step " << step;
      }
    }
  }
}

TEST_P(TargetTest, ThreeTrainingStepsOfAnMlp) {
  CheckTraining(GetParam(), target_, "mlp_train.tn");
}
TEST_P(TargetTest, ThreeTrainingStepsOfACnn) { CheckTraining(GetParam(), target_, "cnn_train.tn"); }

INSTANTIATE_TEST_SUITE_P(, TargetTest, testing::ValuesIn(Emulators()),
                         [](const testing::TestParamInfo<Emulator>& info) {
                           return absl::StrReplaceAll(info.param.target, {{"-", "_"}});
                         });

}  // namespace
}  // namespace tenon::tests

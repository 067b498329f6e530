// The binary form: a round trip keeps everything, and no bytes, however damaged, do harm.
#include "tenon/ir/binary.h"

#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tenon/ir/file.h"
#include "tenon/ir/text.h"
#include "tests/ir/graphs.h"

namespace tenon::ir {
namespace {

using ::testing::HasSubstr;

std::string Path(const std::string& name) { return ::testing::TempDir() + "/" + name; }

Model MlpWithWeights() {
  Model model{test::SampleGraphs()[0], {}};
  model.weights["dense/b"] = Literal::Filled(DType::kF32, {10}, 0.25);
  model.weights["step"] = Literal::Scalar<int64_t>(41);
  return model;
}

TEST(BinaryTest, GraphsRoundTrip) {
  for (const Graph& graph : test::SampleGraphs()) {
    absl::StatusOr<std::string> bytes = SerializeModel({graph, {}});
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    EXPECT_TRUE(IsBinaryModel(*bytes));
    absl::StatusOr<Model> back = ParseModel(*bytes);
    ASSERT_TRUE(back.ok()) << back.status() << "\n" << Print(graph);
    EXPECT_TRUE(test::GraphsEqual(graph, back->graph)) << Print(graph) << Print(back->graph);
    EXPECT_EQ(Print(back->graph), Print(graph));
    EXPECT_EQ(*SerializeModel(*back), *bytes);
  }
}

TEST(BinaryTest, SymbolsOfRegionsAlone) {
  absl::StatusOr<Graph> graph = Parse(
      "tenon graph 1 graph @g(%x: f32[]) -> (y: f32[]) { %0 = call(%x) \"f\" {"
      " graph @f(%x: f32[]) -> (y: f32[]) {"
      "  %0 = iota type=f32[m<=4] axis=0 %1 = reduce(%0) kind=sum axes=[0] return %1 } }"
      " return %0 }");
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->Symbols().size(), 1u);
  absl::StatusOr<Model> back = ParseModel(*SerializeModel({*graph, {}}));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(test::GraphsEqual(*graph, back->graph));
}

TEST(BinaryTest, WeightsRoundTrip) {
  const Model model = MlpWithWeights();
  absl::StatusOr<Model> back = ParseModel(*SerializeModel(model));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->weights, model.weights);
}

TEST(BinaryTest, WeightsMustFitTheirInputs) {
  Model model = MlpWithWeights();
  model.weights["dense/b"] = Literal(DType::kF32, {11});
  EXPECT_THAT(std::string(ParseModel(*SerializeModel(model), "m.tnb").status().message()),
              HasSubstr("m.tnb: weight 'dense/b' has type f32[11], its input f32[10]"));
  model = MlpWithWeights();
  model.weights["other"] = Literal();
  EXPECT_THAT(std::string(ParseModel(*SerializeModel(model)).status().message()),
              HasSubstr("weight 'other' belongs to no input"));
}

TEST(BinaryTest, EveryTruncationIsAnError) {
  const std::string bytes = *SerializeModel(MlpWithWeights());
  for (size_t i = 0; i < bytes.size(); ++i) {
    // A cut between two fields of the outermost message is well-formed, and may lack weights only.
    absl::StatusOr<Model> cut = ParseModel(bytes.substr(0, i));
    if (cut.ok()) {
      EXPECT_LT(cut->weights.size(), 2u) << i;
    }
  }
}

TEST(BinaryTest, DamagedBytesNeverCrash) {
  std::mt19937 random(1);
  for (const Graph& graph : test::SampleGraphs()) {
    const std::string bytes = *SerializeModel({graph, {}});
    for (int i = 0; i < 3000; ++i) {
      std::string damaged = bytes;
      for (uint32_t k = random() % 3 + 1; k > 0; --k) {
        damaged[random() % damaged.size()] = static_cast<char>(random());
      }
      absl::StatusOr<Model> model = ParseModel(damaged);
      if (model.ok()) {
        EXPECT_TRUE(SerializeModel(*model).ok());
      }
    }
  }
}

TEST(BinaryTest, OtherFilesAreRefused) {
  EXPECT_FALSE(ParseModel("").ok());
  EXPECT_FALSE(ParseModel("tenon graph 1").ok());
  const std::string newer("\x0a\x05tenon\x10\x63", 9);
  EXPECT_THAT(std::string(ParseModel(newer).status().message()), HasSubstr("version 99"));
}

TEST(BinaryTest, FilesOfBothForms) {
  const Model model = MlpWithWeights();
  const std::string binary = Path("model.tnb"), text = Path("model.tn");
  ASSERT_TRUE(SaveModel(model, binary).ok());
  EXPECT_EQ(LoadModel(binary)->weights, model.weights);
  EXPECT_FALSE(SaveModel(model, text).ok());
  ASSERT_TRUE(SaveModel({model.graph, {}}, text).ok());
  EXPECT_TRUE(test::GraphsEqual(LoadModel(text)->graph, model.graph));
  EXPECT_THAT(std::string(LoadModel(Path("none.tn")).status().message()), HasSubstr("none.tn"));
  ASSERT_TRUE(WriteFileAtomically(binary, "tenon graph 1").ok());
  EXPECT_THAT(std::string(LoadModel(binary).status().message()), HasSubstr("no binary model"));
}

TEST(BinaryTest, OldFilesLoad) {
  // Written by version 1; these files are never written again.
  const std::string folder = std::string(TENON_SOURCE_DIR) + "/tests/data/";
  for (const char* name : {"mlp", "images", "indices", "constants", "control"}) {
    absl::StatusOr<Model> text = LoadModel(folder + name + ".v1.tn");
    absl::StatusOr<Model> binary = LoadModel(folder + name + ".v1.tnb");
    ASSERT_TRUE(text.ok()) << text.status();
    ASSERT_TRUE(binary.ok()) << binary.status();
    EXPECT_EQ(Print(text->graph), Print(binary->graph));
  }
  EXPECT_EQ(LoadModel(folder + "mlp.v1.tnb")->weights.size(), 2u);
}

TEST(FileTest, AFailedWriteLeavesTheOldFile) {
  const std::string path = Path("kept.txt");
  ASSERT_TRUE(WriteFileAtomically(path, "old").ok());
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  EXPECT_FALSE(WriteFileAtomically(Path("no/such/folder/file"), "x").ok());
  EXPECT_FALSE(WriteFileAtomically(::testing::TempDir(), "x").ok());
  ASSERT_TRUE(WriteFileAtomically(path, "new and longer").ok());
  EXPECT_EQ(*ReadFile(path), "new and longer");
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);  // the rights of the old file
}

}  // namespace
}  // namespace tenon::ir

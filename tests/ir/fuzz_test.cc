// Damaged models: truncations and flipped bits of every sample and of the committed files, in both
// forms. Each is read or refused, never worse (the address sanitizer watches); what is read can be
// written again.
#include <cctype>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tenon/ir/binary.h"
#include "tenon/ir/file.h"
#include "tenon/ir/text.h"
#include "tenon/ir/verifier.h"
#include "tests/ir/graphs.h"

namespace tenon::ir {
namespace {

std::vector<std::string> BinaryModels() {
  std::vector<std::string> models;
  for (const Graph& graph : test::SampleGraphs()) models.push_back(*SerializeModel({graph, {}}));
  for (const char* name : {"mlp", "images", "indices", "constants", "control"}) {
    models.push_back(*ReadFile(absl::StrCat(TENON_SOURCE_DIR, "/tests/data/", name, ".v1.tnb")));
  }
  return models;
}

std::vector<std::string> Texts() {
  std::vector<std::string> texts;
  for (const Graph& graph : test::SampleGraphs()) texts.push_back(Print(graph));
  return texts;
}

void ReadBinary(const std::string& bytes) {
  absl::StatusOr<Model> model = ParseModel(bytes, "fuzz.tnb");
  if (!model.ok()) {
    EXPECT_EQ(model.status().message().substr(0, 8), "fuzz.tnb") << model.status();
    return;
  }
  EXPECT_TRUE(Verify(model->graph).ok());
  EXPECT_TRUE(SerializeModel(*model).ok());
}

void ReadText(const std::string& text) {
  absl::StatusOr<Graph> graph = Parse(text, "fuzz.tn");
  if (!graph.ok()) {
    EXPECT_EQ(graph.status().message().substr(0, 7), "fuzz.tn") << graph.status();
    return;
  }
  EXPECT_TRUE(Verify(*graph).ok()) << text;
  EXPECT_TRUE(Parse(Print(*graph)).ok()) << text;
}

// One bit turned over, a run of bytes left out, one repeated, or the rest cut off.
std::string Damage(std::string bytes, std::mt19937& random) {
  if (bytes.empty()) return bytes;
  const size_t at = random() % bytes.size();
  switch (random() % 4) {
    case 0:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
      break;
    case 1:
      bytes.erase(at, 1 + random() % 8);
      break;
    case 2:
      bytes.insert(random() % bytes.size(), bytes.substr(at, 1 + random() % 40));
      break;
    default:
      bytes.resize(at);
      break;
  }
  return bytes;
}

TEST(FuzzTest, EveryFlippedBitOfBinaryModels) {
  for (const std::string& bytes : BinaryModels()) {
    // Some four thousand bits a model, evenly spread.
    const size_t step = std::max<size_t>(1, bytes.size() * 8 / 4000);
    for (size_t bit = 0; bit < bytes.size() * 8; bit += step) {
      std::string damaged = bytes;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      ReadBinary(damaged);
    }
  }
}

TEST(FuzzTest, DamagedBinaryModels) {
  std::mt19937 random(7);
  for (const std::string& bytes : BinaryModels()) {
    for (int i = 0; i < 500; ++i) {
      std::string damaged = Damage(bytes, random);
      if (i % 3 == 0) damaged = Damage(damaged, random);
      ReadBinary(damaged);
    }
  }
}

TEST(FuzzTest, DamagedTexts) {
  std::mt19937 random(8);
  for (const std::string& text : Texts()) {
    for (int i = 0; i < 600; ++i) {
      std::string damaged = Damage(text, random);
      if (i % 3 == 0) damaged = Damage(damaged, random);
      ReadText(damaged);
    }
  }
}

// Numbers of every text replaced by extreme ones: sizes, axes and bounds that overflow.
TEST(FuzzTest, ExtremeNumbers) {
  for (const std::string& text : Texts()) {
    for (size_t i = 1; i < text.size(); ++i) {
      const bool starts = std::isdigit(static_cast<unsigned char>(text[i])) &&
                          !std::isalnum(static_cast<unsigned char>(text[i - 1])) &&
                          text[i - 1] != '%' && text[i - 1] != '.';
      if (!starts) continue;
      size_t end = i;
      while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end]))) ++end;
      for (const char* number : {"0", "-1", "2147483648", "4611686018427387904",
                                 "9223372036854775807", "-9223372036854775808", "1e308"}) {
        ReadText(text.substr(0, i) + number + text.substr(end));
      }
    }
  }
}

}  // namespace
}  // namespace tenon::ir

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tenon/frontend/data/csv.h"
#include "tenon/frontend/data/dataset.h"
#include "tenon/frontend/data/file.h"
#include "tenon/frontend/data/idx.h"
#include "tenon/frontend/data/scaling.h"
#include "tenon/frontend/data/synthetic.h"
#include "tests/frontend/support.h"

namespace tenon::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

Dataset Counting(int64_t rows) {
  Dataset d{Tensor(ir::DType::kF32, {rows, 2}), Tensor(ir::DType::kI64, {rows})};
  for (int64_t i = 0; i < rows; ++i) {
    d.x.mutable_data<float>()[2 * i] = static_cast<float>(i);
    d.x.mutable_data<float>()[2 * i + 1] = static_cast<float>(-i);
    d.y.mutable_data<int64_t>()[i] = i;
  }
  return d;
}

TEST(Dataset, ValidateNamesWhatIsWrong) {
  EXPECT_TRUE(Validate(Counting(3)).ok());
  EXPECT_THAT(Message(Validate(Counting(0))), HasSubstr("empty"));
  Dataset uneven = Counting(3);
  uneven.y = Tensor(ir::DType::kI64, {2});
  EXPECT_THAT(Message(Validate(uneven)), HasSubstr("x has 3 rows and y has 2"));
}

TEST(Dataset, ValidateLabelsNamesTheRow) {
  const Dataset d = Counting(5);
  EXPECT_TRUE(ValidateLabels(d.y, 5).ok());
  EXPECT_THAT(Message(ValidateLabels(d.y, 4)), HasSubstr("label 4 in row 4"));
  const std::vector<float> halves = {0, 0.5f};
  EXPECT_FALSE(ValidateLabels(Tensor::FromValues<float>({2}, halves), 4).ok());
}

TEST(Dataset, SplitKeepsPairsTogetherAndLosesNothing) {
  auto split = SplitInTwo(Counting(10), {.fraction = 0.25, .seed = 3});
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_EQ(split->first.size(), 8);
  EXPECT_EQ(split->second.size(), 2);
  std::set<int64_t> seen;
  for (const Dataset* part : {&split->first, &split->second}) {
    for (int64_t i = 0; i < part->size(); ++i) {
      const int64_t label = part->y.data<int64_t>()[i];
      EXPECT_EQ(part->x.data<float>()[2 * i], static_cast<float>(label));
      seen.insert(label);
    }
  }
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_FALSE(SplitInTwo(Counting(10), {.fraction = 1}).ok());
  EXPECT_FALSE(SplitInTwo(Counting(3), {.fraction = 0.1}).ok());
}

TEST(Dataset, ValidationIsTheLastFraction) {
  const Dataset d = Counting(10);
  auto split = SplitValidation(d, 0.25);  // floor(10 * 0.75) rows stay
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_EQ(split->training.size(), 7);
  EXPECT_EQ(split->validation.size(), 3);
  EXPECT_EQ(split->validation.y.as<int64_t>()[0], 7);
  EXPECT_EQ(SplitValidation(d, 0.01)->validation.size(), 1);  // as Keras rounds
  EXPECT_FALSE(SplitValidation(d, 0.95).ok());
  EXPECT_FALSE(SplitValidation(d, -1).ok());
}

TEST(Dataset, ShufflingFollowsTheSeed) {
  const Dataset d = Counting(50);
  const Dataset a = Shuffled(d, 1), b = Shuffled(d, 1), c = Shuffled(d, 2);
  EXPECT_EQ(a.x, b.x);
  EXPECT_FALSE(a.x == c.x);
  EXPECT_FALSE(a.x == d.x);
}

TEST(Batches, VisitEveryRowOnceAndShuffleAnewEachEpoch) {
  Batches batches(10, 4, /*shuffle=*/true, 5);
  EXPECT_EQ(batches.count(), 3);
  EXPECT_EQ(batches.range(2).size(), 2);
  std::vector<std::vector<int64_t>> orders;
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    batches.StartEpoch(epoch);
    std::vector<int64_t> order;
    for (int64_t i = 0; i < batches.count(); ++i) {
      for (int64_t row : batches.rows(batches.range(i))) order.push_back(row);
    }
    orders.push_back(order);
    std::sort(order.begin(), order.end());
    EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  }
  EXPECT_NE(orders[0], orders[1]);
}

// --- IDX

std::string Idx(std::vector<uint8_t> bytes) { return std::string(bytes.begin(), bytes.end()); }

TEST(Idx, ReadsBigEndianElements) {
  auto t = ParseIdx(
      Idx({0, 0, 0x0C, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 1, 2, 0xFF, 0xFF, 0xFF, 0xFE}), "test");
  ASSERT_TRUE(t.ok()) << t.status();
  EXPECT_EQ(t->TypeString(), "i32[1,2]");
  EXPECT_THAT(t->data<int32_t>(), ElementsAre(258, -2));
}

TEST(Idx, DamagedFilesAreErrorsWithTheirName) {
  const std::vector<std::pair<std::vector<uint8_t>, std::string>> cases = {
      {{0, 0}, "within the header"},
      {{1, 0, 8, 1, 0, 0, 0, 1, 7}, "magic"},
      {{0, 0, 0x42, 1, 0, 0, 0, 1, 7}, "0x42"},
      {{0, 0, 8, 3, 0, 0, 0, 1}, "within the header"},
      {{0, 0, 8, 1, 0, 0, 0, 2, 7}, "announces u8[2], 2 bytes, but 1 follow"},
      {{0, 0, 8, 1, 0, 0, 0, 1, 7, 8}, "but 2 follow"},
      {{0, 0, 0x0E, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, "64 bits"},
      {{0, 0, 8, 9, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0,
        0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7},
       "at most 8 dimensions"},
  };
  for (const auto& [bytes, expected] : cases) {
    auto t = ParseIdx(Idx(bytes), "images.idx");
    ASSERT_FALSE(t.ok()) << expected;
    EXPECT_THAT(Message(t.status()), HasSubstr(expected));
    EXPECT_THAT(Message(t.status()), HasSubstr("images.idx"));
  }
}

void WriteGzip(const std::string& path, const std::string& contents) {
  gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_EQ(gzwrite(file, contents.data(), contents.size()), static_cast<int>(contents.size()));
  gzclose(file);
}

TEST(Idx, ReadsCompressedPairs) {
  const std::string dir = testing::TemporaryDirectory();
  WriteGzip(dir + "/x.gz", Idx({0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 51, 102}));
  WriteGzip(dir + "/y.gz", Idx({0, 0, 8, 1, 0, 0, 0, 2, 9, 3}));
  auto d = ReadImages(dir + "/x.gz", dir + "/y.gz");
  ASSERT_TRUE(d.ok()) << d.status();
  EXPECT_EQ(d->x.TypeString(), "f32[2,1,2,1]");
  EXPECT_THAT(d->x.data<float>(), ElementsAre(0.0f, 1.0f, 0.2f, 0.4f));
  EXPECT_THAT(d->y.data<uint8_t>(), ElementsAre(9, 3));
  EXPECT_THAT(Message(ReadImages(dir + "/y.gz", dir + "/x.gz").status()), HasSubstr("y.gz"));
  EXPECT_EQ(ReadImages(dir + "/none", dir + "/y.gz").status().code(), absl::StatusCode::kNotFound);
}

TEST(File, TruncatedGzipAndSizeLimitAreErrors) {
  const std::string dir = testing::TemporaryDirectory();
  std::string contents;
  for (int i = 0; contents.size() < 100000; ++i) contents += std::to_string(i * i);
  contents.resize(100000);
  WriteGzip(dir + "/whole.gz", contents);
  EXPECT_EQ(*ReadFile(dir + "/whole.gz"), contents);
  EXPECT_THAT(Message(ReadFile(dir + "/whole.gz", 1000).status()), HasSubstr("more than 1000"));
  std::ifstream in(dir + "/whole.gz", std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  std::ofstream(dir + "/cut.gz", std::ios::binary) << bytes.substr(0, bytes.size() / 2);
  EXPECT_THAT(Message(ReadFile(dir + "/cut.gz").status()), HasSubstr("damaged"));
  bytes[bytes.size() / 2] ^= 0x55;
  std::ofstream(dir + "/bad.gz", std::ios::binary) << bytes;
  EXPECT_THAT(Message(ReadFile(dir + "/bad.gz").status()), HasSubstr("damaged"));
  EXPECT_THAT(Message(ReadFile(dir).status()), HasSubstr("regular file"));
}

// --- CSV

TEST(Csv, ReadsHeaderNumbersAndTarget) {
  const std::string path = testing::TemporaryDirectory() + "/t.csv";
  std::ofstream(path) << "a,y,b\r\n1,0,2\r\n\r\n-3.5e1, 1 ,4\n";
  auto d = ReadCsvDataset(path, "y");
  ASSERT_TRUE(d.ok()) << d.status();
  EXPECT_EQ(d->x.TypeString(), "f32[2,2]");
  EXPECT_THAT(d->x.data<float>(), ElementsAre(1, 2, -35, 4));
  EXPECT_THAT(d->y.data<float>(), ElementsAre(0, 1));
  EXPECT_THAT(ReadCsvDataset(path)->y.data<float>(), ElementsAre(2, 4));
  EXPECT_THAT(Message(ReadCsvDataset(path, "z").status()), HasSubstr("no column 'z'"));
}

TEST(Csv, ErrorsNameFileAndLine) {
  EXPECT_THAT(Message(ParseCsv("a,b\n1,2\n3\n", "t.csv").status()),
              HasSubstr("t.csv:3: 1 fields where there should be 2"));
  EXPECT_THAT(Message(ParseCsv("a,b\n1,two\n", "t.csv").status()),
              HasSubstr("t.csv:2: 'two' is not a number"));
  const std::string dir = testing::TemporaryDirectory();
  std::ofstream(dir + "/empty.csv") << "a,b\n";
  EXPECT_THAT(Message(ReadCsvDataset(dir + "/empty.csv").status()), HasSubstr("no rows"));
  std::ofstream(dir + "/thin.csv") << "a\n1\n";
  EXPECT_THAT(Message(ReadCsvDataset(dir + "/thin.csv").status()), HasSubstr("two columns"));
}

// --- Scaling

TEST(Scaler, MinMaxAndStandard) {
  const std::vector<float> values = {1, 7, 3, 7, 5, 7};
  Tensor x = Tensor::FromValues<float>({3, 2}, values);
  auto min_max = Scaler::MinMax(x);
  auto standard = Scaler::Standard(x);
  ASSERT_TRUE(min_max.ok() && standard.ok());
  Tensor scaled = x;
  ASSERT_TRUE(min_max->Apply(scaled).ok());
  EXPECT_THAT(scaled.data<float>(), ElementsAre(0, 0, 0.5f, 0, 1, 0));
  ASSERT_TRUE(min_max->Invert(scaled).ok());
  EXPECT_EQ(scaled, x);
  scaled = x;
  ASSERT_TRUE(standard->Apply(scaled).ok());
  EXPECT_FLOAT_EQ(scaled.data<float>()[0], -std::sqrt(1.5f));
  EXPECT_EQ(scaled.data<float>()[1], 0);
  EXPECT_FLOAT_EQ(scaled.data<float>()[4], std::sqrt(1.5f));
  Tensor other(ir::DType::kF32, {2, 3});
  EXPECT_FALSE(min_max->Apply(other).ok());
  EXPECT_FALSE(Scaler::MinMax(Tensor(ir::DType::kF32, {0, 3})).ok());
  EXPECT_FALSE(Scaler::Standard(Tensor(ir::DType::kI32, {2, 3})).ok());
}

// --- Synthetic data

TEST(MakeClassification, HasBalancedClassesAndFollowsTheSeed) {
  const ClassificationOptions options = {.samples = 400,
                                         .features = 6,
                                         .informative = 3,
                                         .redundant = 2,
                                         .classes = 4,
                                         .clusters_per_class = 2,
                                         .label_noise = 0,
                                         .seed = 9};
  auto d = MakeClassification(options);
  ASSERT_TRUE(d.ok()) << d.status();
  EXPECT_EQ(d->x.TypeString(), "f32[400,6]");
  std::vector<int> counts(4);
  for (float label : d->y.data<float>()) ++counts[static_cast<int>(label)];
  EXPECT_THAT(counts, ElementsAre(100, 100, 100, 100));
  EXPECT_EQ(MakeClassification(options)->x, d->x);
  ClassificationOptions other = options;
  other.seed = 10;
  EXPECT_FALSE(MakeClassification(other)->x == d->x);
}

TEST(MakeClassification, RedundantFeaturesDependOnInformativeOnes) {
  // Unshuffled, feature 2 is a combination of 0 and 1: the three columns have rank 2.
  auto d = MakeClassification({.samples = 50,
                               .features = 3,
                               .informative = 2,
                               .redundant = 1,
                               .clusters_per_class = 1,
                               .shuffle = false,
                               .seed = 4});
  ASSERT_TRUE(d.ok()) << d.status();
  const auto x = d->x.data<float>();
  // Solve for the two coefficients from rows 0 and 1, and check them on all others.
  const double a = x[0], b = x[1], c = x[3], e = x[4], det = a * e - b * c;
  ASSERT_GT(std::abs(det), 1e-3);
  const double u = (x[2] * e - b * x[5]) / det, v = (a * x[5] - x[2] * c) / det;
  for (int i = 0; i < 50; ++i) EXPECT_NEAR(u * x[3 * i] + v * x[3 * i + 1], x[3 * i + 2], 1e-3);
}

TEST(MakeClassification, LabelNoiseChangesAboutItsShare) {
  ClassificationOptions options = {
      .samples = 2000, .features = 4, .label_noise = 0, .shuffle = false, .seed = 1};
  auto clean = MakeClassification(options);
  int changed = 0;
  for (int i = 0; i < 2000; ++i) changed += clean->y.data<float>()[i] != i % 4 % 2;
  EXPECT_EQ(changed, 0);
  options.label_noise = 0.5;
  auto noisy = MakeClassification(options);
  for (int i = 0; i < 2000; ++i) changed += noisy->y.data<float>()[i] != i % 4 % 2;
  // Half are drawn anew, and half of those land on the other class: 500, deviation 19, six allowed.
  EXPECT_NEAR(changed, 500, 120);
}

TEST(MakeClassification, ImpossibleOptionsAreErrors) {
  EXPECT_FALSE(MakeClassification({.features = 3, .informative = 2, .redundant = 2}).ok());
  EXPECT_FALSE(MakeClassification({.informative = 2, .classes = 3, .clusters_per_class = 2}).ok());
  EXPECT_FALSE(MakeClassification({.samples = 0}).ok());
  EXPECT_FALSE(MakeClassification({.label_noise = 2}).ok());
}

}  // namespace
}  // namespace tenon::data

// The loader: what it hands out depends on data, options and seed alone.
#include "tenon/frontend/data/loader.h"

#include <chrono>
#include <cstring>
#include <set>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/frontend/toy.h"

namespace tenon::data {
namespace {

using ::testing::HasSubstr;

// Row i is {i, i + 1000, i + 2000} with the label i.
Dataset Numbered(int64_t rows) {
  Dataset d{Tensor(ir::DType::kF32, {rows, 3}), Tensor(ir::DType::kI64, {rows})};
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < 3; ++j) {
      d.x.mutable_data<float>()[3 * i + j] = static_cast<float>(i + 1000 * j);
    }
    d.y.mutable_data<int64_t>()[i] = i;
  }
  return d;
}

struct Batch {
  std::vector<float> x;
  std::vector<int64_t> y;
  bool operator==(const Batch&) const = default;
};

// All batches, taken as many at a time as `most` says, over and over.
std::vector<Batch> Take(const Dataset& d, const LoaderOptions& options, std::vector<int64_t> most) {
  Loader loader(d, options);
  std::vector<Batch> all;
  for (size_t i = 0; static_cast<int64_t>(all.size()) < loader.count() * options.epochs; ++i) {
    const int64_t limit = most[i % most.size()];
    const auto group = loader.Next(limit);
    EXPECT_TRUE(group.ok()) << group.status();
    EXPECT_GE(group->batches, 1);
    EXPECT_LE(group->batches, limit);
    const int64_t rows = group->first.size();
    for (int64_t b = 0; b < group->batches; ++b) {
      const auto* x = static_cast<const char*>(group->first.x.data) + b * group->x_stride;
      const auto* y = static_cast<const char*>(group->first.y.data) + b * group->y_stride;
      Batch batch{std::vector<float>(rows * 3), std::vector<int64_t>(rows)};
      std::memcpy(batch.x.data(), x, batch.x.size() * sizeof(float));
      std::memcpy(batch.y.data(), y, batch.y.size() * sizeof(int64_t));
      all.push_back(std::move(batch));
    }
  }
  return all;
}

// One row's worth of noise, and the label of the batch's first row replaced.
absl::Status Noise(const BatchRows& rows, Random& random) {
  auto* x = static_cast<float*>(rows.x.data);
  for (int64_t i = 0; i < rows.x.dims[0] * rows.x.dims[1]; ++i) {
    x[i] += static_cast<float>(random.Uniform());
  }
  static_cast<int64_t*>(rows.y.data)[0] = static_cast<int64_t>(random.Below(1000));
  return absl::OkStatus();
}

TEST(Loader, NothingButDataOptionsAndSeedDecides) {
  for (const int64_t rows : {1, 7, 64, 237}) {
    const Dataset d = Numbered(rows);
    for (const bool shuffle : {false, true}) {
      for (const bool augment : {false, true}) {
        LoaderOptions options = {
            .batch_size = 10, .shuffle = shuffle, .seed = 5, .first_epoch = 2, .epochs = 3};
        if (augment) options.augment = Noise;
        options.ahead = false;
        const std::vector<Batch> expected = Take(d, options, {1});
        EXPECT_EQ(Take(d, options, {1000}), expected);
        options.ahead = true;
        for (const int64_t bytes : {1, 700, 100000}) {
          options.block_bytes = bytes;
          EXPECT_EQ(Take(d, options, {1}), expected);
          EXPECT_EQ(Take(d, options, {3, 1, 8}), expected);
          EXPECT_EQ(Take(d, options, {1000}), expected);
        }
        if (!augment) continue;
        // The noise of an epoch is that epoch's, and a seed's.
        std::set<std::vector<float>> seen;
        for (const Batch& batch : expected) EXPECT_TRUE(seen.insert(batch.x).second);
        options.seed = 6;
        EXPECT_NE(Take(d, options, {1}), expected);
      }
    }
  }
}

TEST(Loader, GoesThroughTheRowsInTheOrderOfBatches) {
  const Dataset d = Numbered(37);
  const LoaderOptions options = {.batch_size = 8, .seed = 9, .first_epoch = 4, .epochs = 2};
  const std::vector<Batch> all = Take(d, options, {100});
  ASSERT_EQ(all.size(), 10u);
  Batches batches(37, 8, true, 9);
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    batches.StartEpoch(4 + epoch);
    for (int64_t b = 0; b < 5; ++b) {
      const auto rows = batches.rows(batches.range(b));
      const Batch& batch = all[static_cast<size_t>(5 * epoch + b)];
      ASSERT_EQ(batch.y, std::vector<int64_t>(rows.begin(), rows.end()));
      for (size_t i = 0; i < rows.size(); ++i) {
        for (int64_t j = 0; j < 3; ++j) {
          EXPECT_EQ(batch.x[3 * i + static_cast<size_t>(j)],
                    static_cast<float>(rows[i] + 1000 * j));
        }
      }
    }
  }
}

TEST(Loader, ATeamGathersTheSame) {
  const Dataset d = Numbered(9000);
  LoaderOptions options = {.batch_size = 4000, .seed = 9, .epochs = 2, .ahead = false};
  const std::vector<Batch> expected = Take(d, options, {1});
  for (const int threads : {1, 2, 3, 8}) {
    runtime::Team team(threads);
    options.team = &team;
    EXPECT_EQ(Take(d, options, {1}), expected);
  }
}

TEST(Loader, RowsAsTheyLieAreNotCopied) {
  const Dataset d = Numbered(25);
  Loader loader(d, {.batch_size = 10, .shuffle = false, .epochs = 2});
  for (int epoch = 0; epoch < 2; ++epoch) {
    auto group = loader.Next(100);
    ASSERT_TRUE(group.ok());
    EXPECT_EQ(group->batches, 2);
    EXPECT_EQ(group->first.x.data, d.x.bytes());
    EXPECT_EQ(group->x_stride, 10 * 3 * 4);
    group = loader.Next(100);
    EXPECT_EQ(group->batches, 1);
    EXPECT_EQ(group->first.size(), 5);
    EXPECT_EQ(group->first.y.data, d.y.bytes() + 20 * 8);
  }
}

TEST(Loader, StopsWhereverItIs) {
  const Dataset d = Numbered(5000);
  for (int taken = 0; taken < 20; ++taken) {
    for (const bool slow : {false, true}) {
      LoaderOptions options = {.batch_size = 16, .epochs = 1000, .block_bytes = 2000};
      if (slow) {
        options.augment = [](const BatchRows&, Random&) {
          std::this_thread::sleep_for(std::chrono::microseconds(200));
          return absl::OkStatus();
        };
      }
      Loader loader(d, options);
      for (int i = 0; i < taken; ++i) ASSERT_TRUE(loader.Next(3).ok());
    }
  }
}

TEST(Loader, AnErrorComesWithItsBatchAndWhenThatIsAsked) {
  const Dataset d = Numbered(100);
  for (const bool ahead : {false, true}) {
    int calls = 0;
    LoaderOptions options = {.batch_size = 10, .epochs = 2, .ahead = ahead, .block_bytes = 1};
    options.augment = [&calls](const BatchRows&, Random&) {
      return ++calls == 14 ? absl::DataLossError("no such image") : absl::OkStatus();
    };
    Loader loader(d, options);
    for (int i = 0; i < 13; ++i) ASSERT_TRUE(loader.Next(5).ok()) << i;
    for (int i = 0; i < 2; ++i) {
      const auto group = loader.Next(5);
      EXPECT_EQ(group.status().code(), absl::StatusCode::kDataLoss);
      EXPECT_THAT(tenon::testing::Message(group.status()),
                  HasSubstr("augmenting epoch 2, batch 4: no such image"));
    }
  }
}

TEST(Loader, RowsWithoutElements) {
  Dataset d = Numbered(20);
  d.x = Tensor(ir::DType::kF32, {20, 0});
  Loader loader(d, {.batch_size = 8, .epochs = 2, .block_bytes = 1});
  for (const int64_t rows : {8, 8, 4, 8, 8, 4}) {
    const auto group = loader.Next(1);
    ASSERT_TRUE(group.ok());
    EXPECT_EQ(group->first.x.dims, (Dims{rows, 0}));
  }
}

}  // namespace
}  // namespace tenon::data

// Tensors of more than 2^31 elements, natively: what lies beyond that many elements, and beyond
// 2^31 and 2^32 bytes, is read and written where it should be. Up to 9 GiB of memory.
//
// Bytes hold a pattern that a function of the element's number gives, so that every element of a
// result can be checked. Floats are all zero but for a few at telling places: their pages are
// mapped but never written, and take no memory.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <memory>
#include <vector>

#include "tenon/frontend/tenon.h"
#include "tenon/ir/verifier.h"

namespace tenon {
namespace {

constexpr int64_t kMany = (int64_t{1} << 31) + 77;
constexpr int64_t kBound = kMany + 23;

uint8_t Pattern(int64_t i) {
  return static_cast<uint8_t>((static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15) >> 56);
}

// Zeros that take memory where they are written only.
template <typename T>
class Mapped {
 public:
  explicit Mapped(int64_t size) : bytes_(static_cast<size_t>(size) * sizeof(T)) {
    void* p = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    data_ = p == MAP_FAILED ? nullptr : static_cast<T*>(p);
  }
  ~Mapped() {
    if (data_ != nullptr) munmap(data_, bytes_);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  T* data() const { return data_; }

 private:
  T* data_;
  size_t bytes_;
};

struct Bytes {
  Mapped<uint8_t> memory{kMany};
  int64_t sum = 0;
  Bytes() {
    for (int64_t i = 0; i < kMany; ++i) sum += memory.data()[i] = Pattern(i);
  }
};

Program CompileOrFail(GraphBuilder& b, std::vector<std::pair<std::string, Value>> outputs) {
  absl::StatusOr<Graph> graph = b.Build(std::move(outputs));
  EXPECT_TRUE(graph.ok()) << graph.status();
  EXPECT_TRUE(ir::Verify(*graph).ok());
  absl::StatusOr<Program> program = Program::Compile(*graph);
  EXPECT_TRUE(program.ok()) << program.status();
  return *std::move(program);
}

TEST(Large, ElementsOfBytes) {
  const Bytes x;
  GraphBuilder b("bytes");
  const Value v = b.Input("x", U8, {kMany}), places = b.Input("places", I64, {4});
  const Value start = b.Input("start", I64, {});
  const Program program = CompileOrFail(b, {{"next", v + 1},
                                            {"sum", ReduceSum(Cast(v, I64))},
                                            {"slice", Slice(v, {kMany - 40}, {kMany - 3}, {3})},
                                            {"gathered", ir::Gather(v, places, 0)},
                                            {"part", ir::DynamicSlice(v, {start}, {5})}});
  const std::vector<int64_t> at = {kMany - 1, int64_t{1} << 31, (int64_t{1} << 31) - 1, 5};
  const int64_t from = (int64_t{1} << 31) + 3;
  runtime::Team team(2);
  Instance instance = program.NewInstance(&team);
  ASSERT_TRUE(instance.BindInput("x", TensorView{U8, {kMany}, x.memory.data()}).ok());
  ASSERT_TRUE(instance.BindInput("places", TensorView{I64, {4}, at.data()}).ok());
  ASSERT_TRUE(instance.BindInput("start", TensorView{I64, {}, &from}).ok());
  const absl::Status status = instance.Run();
  ASSERT_TRUE(status.ok()) << status;

  const TensorView next = *instance.Output("next");
  ASSERT_EQ(next.num_elements(), kMany);
  int64_t wrong = 0, first = -1;
  for (int64_t i = 0; i < kMany; ++i) {
    if (next.as<uint8_t>()[i] == static_cast<uint8_t>(Pattern(i) + 1)) continue;
    if (wrong++ == 0) first = i;
  }
  EXPECT_EQ(wrong, 0) << "the first at " << first;
  EXPECT_EQ(instance.Output("sum")->as<int64_t>()[0], x.sum);
  const TensorView slice = *instance.Output("slice");
  ASSERT_EQ(slice.num_elements(), 13);
  for (int64_t i = 0; i < 13; ++i) EXPECT_EQ(slice.as<uint8_t>()[i], Pattern(kMany - 40 + 3 * i));
  for (size_t i = 0; i < at.size(); ++i) {
    EXPECT_EQ(instance.Output("gathered")->as<uint8_t>()[i], Pattern(at[i]));
  }
  for (int64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(instance.Output("part")->as<uint8_t>()[i], Pattern(from + i));
  }
}

// Two intermediate tensors, so that one of them starts beyond 2^31 bytes of the arena; and a
// scatter that writes in place.
TEST(Large, ArenaAndDonatedMemory) {
  Bytes x;
  GraphBuilder b("arena");
  const Value v = b.State("x", U8, {kMany});
  const Value places = b.Input("places", I64, {3}), values = b.Input("values", U8, {3});
  const Value up = ir::Cumulative(ir::Combiner::kSum, v, 0);
  const Value down = ir::Cumulative(ir::Combiner::kSum, v, 0, false, true);
  const Value ends = ir::Concat({Slice(up, {kMany - 2}, {kMany}), Slice(down, {0}, {2}),
                                 Slice(up, {int64_t{1} << 31}, {(int64_t{1} << 31) + 1})},
                                0);
  const Value tie = ReduceMax(ir::Min(up, down));  // needs both at once
  b.Donate("x", "x");
  const Program program =
      CompileOrFail(b, {{"x", ir::Scatter(ir::ScatterKind::kAdd, v, places, values, 0)},
                        {"ends", ends},
                        {"tie", tie}});
  const std::vector<int64_t> at = {kMany - 1, (int64_t{1} << 31) + 1, 7};
  const std::vector<uint8_t> add = {1, 2, 3};
  uint8_t up_at_2_31 = 0;
  for (int64_t i = 0; i <= int64_t{1} << 31; ++i) up_at_2_31 += Pattern(i);
  runtime::Team team(2);
  Instance instance = program.NewInstance(&team);
  ASSERT_TRUE(instance.BindMutable("x", {U8, {kMany}, x.memory.data()}).ok());
  ASSERT_TRUE(instance.BindInput("places", TensorView{I64, {3}, at.data()}).ok());
  ASSERT_TRUE(instance.BindInput("values", TensorView{U8, {3}, add.data()}).ok());
  const absl::Status status = instance.Run();
  ASSERT_TRUE(status.ok()) << status;

  const auto total = static_cast<uint8_t>(x.sum);
  const std::vector<uint8_t> expected = {static_cast<uint8_t>(total - Pattern(kMany - 1)), total,
                                         total, static_cast<uint8_t>(total - Pattern(0)),
                                         up_at_2_31};
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(instance.Output("ends")->as<uint8_t>()[i], expected[i]) << i;
  }
  int64_t wrong = 0;
  for (int64_t i = 0; i < kMany; ++i) {
    uint8_t value = Pattern(i);
    for (size_t k = 0; k < at.size(); ++k) value += i == at[k] ? add[k] : 0;
    wrong += x.memory.data()[i] != value;
  }
  EXPECT_EQ(wrong, 0);
}

// Where a float's number or byte passes 2^29, 2^30, 2^31 and 2^32.
const std::vector<int64_t> kTelling = {
    0, (1 << 29) - 1, 1 << 29, 1 << 30, (int64_t{1} << 31) - 1, int64_t{1} << 31, kMany - 1};

TEST(Large, ElementsOfFloats) {
  const Mapped<float> x(kMany);
  ASSERT_NE(x.data(), nullptr);
  double sum = 0;
  for (size_t k = 0; k < kTelling.size(); ++k) {
    x.data()[kTelling[k]] = static_cast<float>(k + 1);
    sum += static_cast<double>(k + 1);
  }
  GraphBuilder b("floats");
  const Value v = b.Input("x", F32, {Dim("n").AtMost(kBound)});
  const int64_t count = static_cast<int64_t>(kTelling.size());
  const Value places = b.Input("places", I64, {count});
  const Program program = CompileOrFail(b, {{"sum", ReduceSum(v)},
                                            {"max", ReduceMax(v)},
                                            {"positive", ir::Gt(v, 0)},
                                            {"gathered", ir::Gather(v, places, 0)},
                                            {"doubled", ir::Gather(v * 2, places, 0)}});
  runtime::Team team(2);
  Instance instance = program.NewInstance(&team);
  ASSERT_TRUE(instance.BindInput("x", TensorView{F32, {kMany}, x.data()}).ok());
  ASSERT_TRUE(instance.BindInput("places", TensorView{I64, {count}, kTelling.data()}).ok());
  const absl::Status status = instance.Run();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(instance.Output("sum")->as<float>()[0], sum);
  EXPECT_EQ(instance.Output("max")->as<float>()[0], static_cast<float>(count));
  for (int64_t k = 0; k < count; ++k) {
    EXPECT_EQ(instance.Output("gathered")->as<float>()[k], static_cast<float>(k + 1));
    EXPECT_EQ(instance.Output("doubled")->as<float>()[k], static_cast<float>(2 * k + 2));
  }
  const auto* positive = static_cast<const uint8_t*>(instance.Output("positive")->data);
  std::vector<int64_t> found;
  for (int64_t i = 0; i < kMany && found.size() < 100; ++i) {
    if (positive[i] != 0) found.push_back(i);
  }
  EXPECT_EQ(found, kTelling);
}

// A matrix of more than 2^31 elements times a vector, and the gradient of the vector.
TEST(Large, ContractionAndItsGradient) {
  constexpr int64_t kRows = 65537, kColumns = 32771;
  const Mapped<float> x(kRows * kColumns);
  ASSERT_NE(x.data(), nullptr);
  x.data()[0] = 2;
  x.data()[kRows * kColumns - 1] = 3;
  x.data()[(kRows - 2) * kColumns + 5] = 4;
  GraphBuilder b("matrix");
  const Value m = b.Input("x", F32, {kRows, kColumns}), w = b.Input("w", F32, {kColumns});
  const Value y = ir::Contract("mk,k->m", m, w);
  absl::StatusOr<Graph> forward = b.Build({{"y", y}, {"loss", ReduceSum(y * y) * 0.5}});
  ASSERT_TRUE(forward.ok()) << forward.status();
  absl::StatusOr<Graph> graph = Differentiate(*forward, {.loss = "loss", .wrt = {"w"}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  absl::StatusOr<Program> program = Program::Compile(*graph);
  ASSERT_TRUE(program.ok()) << program.status();
  std::vector<float> weights(kColumns);
  for (int64_t i = 0; i < kColumns; ++i) weights[i] = static_cast<float>(i % 7 + 1);
  runtime::Team team(2);
  Instance instance = program->NewInstance(&team);
  ASSERT_TRUE(instance.BindInput("x", TensorView{F32, {kRows, kColumns}, x.data()}).ok());
  ASSERT_TRUE(instance.BindInput("w", TensorView{F32, {kColumns}, weights.data()}).ok());
  const absl::Status status = instance.Run();
  ASSERT_TRUE(status.ok()) << status;
  const float last = weights[kColumns - 1] * 3, before = weights[5] * 4;
  const auto result = instance.Output("y")->as<float>();
  EXPECT_EQ(result[0], weights[0] * 2);
  EXPECT_EQ(result[kRows - 1], last);
  EXPECT_EQ(result[kRows - 2], before);
  EXPECT_EQ(result[1], 0);
  const auto gradient = instance.Output("grad/w")->as<float>();
  for (int64_t k = 0; k < kColumns; ++k) {
    float expected = k == 0 ? weights[0] * 4 : k == 5 ? before * 4 : 0;
    if (k == kColumns - 1) expected = last * 3;
    EXPECT_EQ(gradient[k], expected) << k;
  }
}

}  // namespace
}  // namespace tenon

#include <sys/stat.h>

#include <cstring>
#include <fstream>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tenon/frontend/checkpoint/safetensors.h"
#include "tests/frontend/support.h"

namespace tenon::checkpoint {
namespace {

using ::testing::HasSubstr;

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

TEST(Safetensors, RoundTripKeepsEveryTypeToTheBit) {
  const std::string path = testing::TemporaryDirectory() + "/all.safetensors";
  std::map<std::string, Tensor> tensors;
  for (int i = 0; i < ir::kNumDTypes; ++i) {
    const auto dtype = static_cast<ir::DType>(i);
    Tensor t(dtype, {2, 3});
    for (int64_t k = 0; k < 6; ++k) {
      t.SetFromDouble(
          k, dtype == ir::DType::kBool ? static_cast<double>(k % 2) : static_cast<double>(k + i));
    }
    tensors[std::string("t/") + std::string(ir::DTypeName(dtype))] = t;
  }
  tensors["scalar"] = Tensor(ir::DType::kF64, {});
  tensors["empty"] = Tensor(ir::DType::kF32, {0, 4});
  tensors["nan"] = Tensor(ir::DType::kF32, {1});
  tensors["nan"].mutable_data<float>()[0] = std::numeric_limits<float>::quiet_NaN();
  std::map<std::string, TensorView> views(tensors.begin(), tensors.end());
  ASSERT_TRUE(Save(path, views, {{"who", "tenon \"quoted\""}}).ok());
  auto loaded = Load(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->tensors.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) EXPECT_EQ(loaded->tensors[name], tensor) << name;
  EXPECT_EQ(loaded->metadata.at("who"), "tenon \"quoted\"");
  // The data start at a multiple of eight bytes.
  const std::string bytes = ReadAll(path);
  uint64_t length;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  // And so all elements are aligned, whatever stands before them.
  const auto layout = LayOut(views);
  ASSERT_TRUE(layout.ok()) << layout.status();
  for (const auto& [name, offset] : layout->offsets) {
    EXPECT_EQ(offset % ir::ByteSize(tensors.at(name).dtype()), 0) << name;
  }
}

TEST(Safetensors, AFailedSaveLeavesTheOldFile) {
  const std::string dir = testing::TemporaryDirectory();
  const Tensor t(ir::DType::kF32, {3});
  ASSERT_TRUE(Save(dir + "/m", {{"t", t}}).ok());
  const std::string before = ReadAll(dir + "/m");
  EXPECT_FALSE(Save(dir + "/m", {{"t", t}, {"", t}}).ok());
  EXPECT_FALSE(Save(dir + "/m", {{"__metadata__", t}}).ok());
  EXPECT_FALSE(Save(dir + "/none/m", {{"t", t}}).ok());
  EXPECT_EQ(ReadAll(dir + "/m"), before);
}

// A file of this header (with its length before it) and this many bytes of data.
std::string File(const std::string& header, size_t data) {
  std::string bytes(8, '\0');
  const uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(data, '\0');
}

TEST(Safetensors, HostileFilesAreErrors) {
  const std::string entry = R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  const std::string deep(100000, '[');
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "ends before its header"},
      {"1234567", "ends before its header"},
      {std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10), "a header of"},
      {std::string("\x10\0\0\0\0\0\0\0{}", 10), "a header of 16 bytes"},
      {File("", 0), "no sound JSON"},
      {File("{", 0), "no sound JSON"},
      {File("[]", 0), "no sound JSON"},
      {File("{\"t\":" + deep, 0), "no sound JSON"},
      {File("{\"t\":" + entry + ",\"t\":" + entry + "}", 8), "no sound JSON"},
      {File("{\"t\":3}", 0), "entry must have"},
      {File(R"({"t":{"dtype":"F32","shape":[2]}})", 8), "entry must have"},
      {File(R"({"t":{"dtype":7,"shape":[2],"data_offsets":[0,8]}})", 8), "dtype"},
      {File(R"({"t":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}})", 8), "F99"},
      {File(R"({"t":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8), "bad shape"},
      {File(R"({"t":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}})", 8), "bad shape"},
      {File(R"({"t":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}})", 8),
       "bad shape"},
      {File(R"({"t":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}})", 8),
       "64 bits"},
      {File(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8), "do not fit"},
      {File(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 8), "do not fit"},
      {File(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0]}})", 8), "data_offsets"},
      {File(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12), "expected"},
      {File("{\"t\":" + entry + ",\"u\":" + entry + "}", 8), "expected"},
      {File("{\"t\":" + entry + "}", 7), "describes 8 bytes of data, but it has 7"},
      {File("{\"t\":" + entry + "}", 9), "describes 8 bytes of data, but it has 9"},
      {File(R"({"__metadata__":{"a":1}})", 0), "more than text"},
      {File(R"({"__metadata__":[]})", 0), "no object"},
      {File(R"({"t":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})", 0) + "\x02",
       "neither 0 nor 1"},
  };
  const std::string path = testing::TemporaryDirectory() + "/hostile";
  for (const auto& [bytes, expected] : cases) {
    std::ofstream(path, std::ios::binary) << bytes;
    auto loaded = Load(path);
    ASSERT_FALSE(loaded.ok()) << expected;
    EXPECT_THAT(std::string(loaded.status().message()), HasSubstr(expected));
    EXPECT_THAT(std::string(loaded.status().message()), HasSubstr(path));
  }
}

TEST(Safetensors, EveryTruncationIsAnError) {
  const std::string path = testing::TemporaryDirectory() + "/m";
  ASSERT_TRUE(Save(path, {{"t", Tensor(ir::DType::kF32, {3})}}).ok());
  const std::string whole = ReadAll(path);
  for (size_t n = 0; n < whole.size(); ++n) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, n);
    EXPECT_FALSE(Load(path).ok()) << n;
  }
}

TEST(Safetensors, MissingFilesAndDirectoriesAreErrors) {
  const std::string dir = testing::TemporaryDirectory();
  EXPECT_EQ(Load(dir + "/none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(Load(dir).ok());
}

}  // namespace
}  // namespace tenon::checkpoint

// Damaged files of data and weights: every flipped bit and every truncation is read as something or
// refused with the file's name; nothing worse happens (the address sanitizer watches).
#include <zlib.h>

#include <fstream>
#include <functional>

#include "gtest/gtest.h"
#include "tenon/frontend/checkpoint/safetensors.h"
#include "tenon/frontend/data/csv.h"
#include "tenon/frontend/data/idx.h"
#include "tests/frontend/support.h"

namespace tenon {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}
void WriteAll(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Calls `read` on `bytes` with each bit turned over, and on each of its prefixes.
void ForEachDamage(const std::string& bytes, const std::function<void(const std::string&)>& read) {
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    read(damaged);
  }
  for (size_t i = 0; i < bytes.size(); ++i) read(bytes.substr(0, i));
}

template <typename T>
void ExpectNamed(const absl::StatusOr<T>& result, const std::string& name) {
  if (result.ok()) return;
  EXPECT_NE(std::string(result.status().message()).find(name), std::string::npos)
      << result.status();
}

TEST(DamagedFiles, Safetensors) {
  const std::string path = testing::TemporaryDirectory() + "/m.safetensors";
  ASSERT_TRUE(
      checkpoint::Save(path, {{"t", Tensor(F32, {3})}, {"u", Tensor(I64, {2, 1})}}, {{"step", "7"}})
          .ok());
  ForEachDamage(ReadAll(path), [&](const std::string& bytes) {
    WriteAll(path, bytes);
    const auto loaded = checkpoint::Load(path);
    ExpectNamed(loaded, path);
    if (!loaded.ok()) return;
    for (const auto& [name, tensor] : loaded->tensors) EXPECT_LE(tensor.byte_size(), 28u) << name;
  });
}

TEST(DamagedFiles, Idx) {
  const std::string bytes("\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x02\x00\xff\x33\x66", 20);
  ASSERT_TRUE(data::ParseIdx(bytes, "x.idx").ok());
  ForEachDamage(bytes, [&](const std::string& damaged) {
    const auto t = data::ParseIdx(damaged, "x.idx");
    ExpectNamed(t, "x.idx");
    if (t.ok()) EXPECT_LE(t->byte_size(), damaged.size());
  });
}

TEST(DamagedFiles, CompressedIdx) {
  const std::string dir = testing::TemporaryDirectory(), path = dir + "/x.gz";
  const std::string bytes("\0\0\x08\x01\0\0\0\x04\x01\x02\x03\x04", 12);
  gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_EQ(gzwrite(file, bytes.data(), bytes.size()), static_cast<int>(bytes.size()));
  gzclose(file);
  ForEachDamage(ReadAll(path), [&](const std::string& damaged) {
    WriteAll(path, damaged);
    ExpectNamed(data::ReadIdx(path), path);
  });
}

TEST(DamagedFiles, Csv) {
  ForEachDamage("a,b\n1,2.5\n-3e2,4\n", [](const std::string& damaged) {
    ExpectNamed(data::ParseCsv(damaged, "t.csv"), "t.csv");
  });
}

}  // namespace
}  // namespace tenon

// .npy files: those that NumPy writes, those that we write, and damaged ones.
#include "tools/npy.h"

#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tenon::tools {
namespace {

using ir::DType;
using ir::Literal;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A file as the format's description has it: magic, version, header length, header, elements.
std::string File(const std::string& header, const std::string& data, int major = 1) {
  std::string bytes("\x93NUMPY", 6);
  bytes += static_cast<char>(major);
  bytes += '\0';
  const uint32_t length = static_cast<uint32_t>(header.size());
  bytes.append(reinterpret_cast<const char*>(&length), major == 1 ? 2 : 4);
  return bytes + header + data;
}
template <typename T>
std::string Data(std::initializer_list<T> values) {
  return std::string(reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T));
}
std::string Message(const std::string& bytes) {
  return std::string(ParseNpy(bytes, "a.npy").status().message());
}

TEST(NpyTest, ReadsWhatNumpyWrites) {
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n";
  absl::StatusOr<Literal> a = ParseNpy(File(header, Data<float>({1, 2, 3, 4, 5, 6})), "a");
  ASSERT_TRUE(a.ok()) << a.status();
  EXPECT_EQ(a->type().ToString(), "f32[2,3]");
  EXPECT_THAT(a->data<float>(), ElementsAre(1, 2, 3, 4, 5, 6));
  // A scalar, a vector, other orders of keys, version 2.
  a = ParseNpy(File("{'shape': (), 'descr': '<i8', 'fortran_order': False}\n", Data<int64_t>({-7})),
               "a");
  ASSERT_TRUE(a.ok()) << a.status();
  EXPECT_EQ(a->type().ToString(), "i64[]");
  a = ParseNpy(
      File("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }\n", Data<uint8_t>({0, 5}), 2),
      "a");
  ASSERT_TRUE(a.ok()) << a.status();
  EXPECT_THAT(a->data<uint8_t>(), ElementsAre(0, 1));
}

TEST(NpyTest, ColumnMajorFilesAreReordered) {
  absl::StatusOr<Literal> a =
      ParseNpy(File("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3), }\n",
                    Data<int32_t>({0, 10, 1, 11, 2, 12})),
               "a");
  ASSERT_TRUE(a.ok()) << a.status();
  EXPECT_THAT(a->data<int32_t>(), ElementsAre(0, 1, 2, 10, 11, 12));
}

TEST(NpyTest, RoundTrips) {
  for (DType dtype : {DType::kF32, DType::kF64, DType::kF16, DType::kI8, DType::kU8, DType::kI32,
                      DType::kI64, DType::kBool}) {
    for (const std::vector<int64_t>& dims :
         {std::vector<int64_t>{}, {3}, {0, 4}, {2, 1, 3}, {1, 1, 1, 1, 1, 1, 1, 2}}) {
      const Literal literal = Literal::Filled(dtype, dims, 1);
      const std::string bytes = ToNpy(literal);
      EXPECT_EQ((bytes.size() - literal.byte_size()) % 64, 0u);
      absl::StatusOr<Literal> back = ParseNpy(bytes, "a");
      ASSERT_TRUE(back.ok()) << back.status();
      EXPECT_TRUE(*back == literal) << literal.type().ToString();
    }
  }
}

TEST(NpyTest, Bf16GoesThroughF32) {
  const Literal literal = Literal::Filled(DType::kBF16, {2}, 0.1);
  absl::StatusOr<Literal> wide = ParseNpy(ToNpy(literal), "a");
  ASSERT_TRUE(wide.ok());
  EXPECT_EQ(wide->dtype(), DType::kF32);
  EXPECT_TRUE(*ConvertTo(DType::kBF16, *wide) == literal);
  EXPECT_FALSE(ConvertTo(DType::kF32, literal).ok());
  EXPECT_FALSE(ConvertTo(DType::kI32, *wide).ok());
}

TEST(NpyTest, DamagedFilesAreRefused) {
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";
  EXPECT_THAT(Message(""), HasSubstr("a.npy: is no .npy file"));
  EXPECT_THAT(Message(File(good, Data<float>({1}))),
              HasSubstr("4 bytes of elements; its shape needs 8"));
  EXPECT_THAT(Message(File(good, Data<float>({1, 2, 3}))), HasSubstr("needs 8"));
  EXPECT_THAT(Message(File(good, "", 9)), HasSubstr("unknown .npy version 9"));
  EXPECT_THAT(Message(File("{'descr': '>f4', 'fortran_order': False, 'shape': (), }", "")),
              HasSubstr("big-endian"));
  EXPECT_THAT(Message(File("{'descr': '|O', 'fortran_order': False, 'shape': (), }", "")),
              HasSubstr("elements of type '|O'"));
  EXPECT_THAT(Message(File("{'descr': '<f4', 'fortran_order': False, 'shape': "
                           "(4611686018427387904, 4), }",
                           "")),
              HasSubstr("overflows"));
  EXPECT_THAT(Message(File("{'descr': '<f4', 'fortran_order': False, 'shape': "
                           "(1,1,1,1,1,1,1,1,1), }",
                           "")),
              HasSubstr("rank"));
  for (const char* header :
       {"", "{", "{'descr'", "{'descr': '<f4'}", "{'descr': 3}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "[1, 2]"}) {
    EXPECT_THAT(Message(File(header, "")), HasSubstr("damaged header")) << header;
  }
  // No prefix of a file is one.
  const std::string whole = ToNpy(Literal::Filled(DType::kF32, {5}, 1));
  for (size_t i = 0; i < whole.size(); ++i) EXPECT_FALSE(ParseNpy(whole.substr(0, i), "a").ok());
  // With a bit turned over it is refused by name, or is of no more elements than it holds.
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    absl::StatusOr<Literal> a = ParseNpy(damaged, "a.npy");
    if (a.ok()) {
      EXPECT_LE(a->byte_size(), damaged.size());
    } else {
      EXPECT_THAT(std::string(a.status().message()), HasSubstr("a.npy")) << bit;
    }
  }
}

}  // namespace
}  // namespace tenon::tools

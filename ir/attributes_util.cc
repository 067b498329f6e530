#include "tenon/ir/attributes_util.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

namespace tenon::ir {
namespace {

template <typename T>
bool FieldEqual(const T& a, const T& b) {
  if constexpr (std::is_same_v<T, double>) {
    return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
  } else {
    return a == b;
  }
}

template <typename A>
bool StructEqual(const A& a, const A& b) {
  std::vector<const void*> fields;  // of b, in the order of Visit
  VisitFields(b, [&fields](absl::string_view, const auto& field) { fields.push_back(&field); });
  bool equal = true;
  size_t i = 0;
  VisitFields(a, [&](absl::string_view, const auto& field) {
    using T = std::decay_t<decltype(field)>;
    equal = equal && FieldEqual(field, *static_cast<const T*>(fields[i]));
    ++i;
  });
  return equal;
}

// A running 64-bit hash, mixed by the finaliser of splitmix64 (Steele et al., 2014).
class Hasher {
 public:
  void Add(uint64_t x) {
    state_ += 0x9e3779b97f4a7c15 + x;
    state_ = (state_ ^ (state_ >> 30)) * 0xbf58476d1ce4e5b9;
    state_ = (state_ ^ (state_ >> 27)) * 0x94d049bb133111eb;
    state_ ^= state_ >> 31;
  }
  void AddBytes(const void* data, size_t size) {
    const auto* bytes = static_cast<const char*>(data);
    Add(size);
    for (size_t i = 0; i < size; i += 8) {
      uint64_t word = 0;
      std::memcpy(&word, bytes + i, std::min<size_t>(8, size - i));
      Add(word);
    }
  }

  void Field(int64_t v) { Add(static_cast<uint64_t>(v)); }
  void Field(bool v) { Add(v ? 1 : 0); }
  void Field(double v) { Add(std::bit_cast<uint64_t>(v)); }
  void Field(const std::string& v) { AddBytes(v.data(), v.size()); }
  void Field(const std::vector<int64_t>& v) { AddBytes(v.data(), v.size() * sizeof(int64_t)); }
  void Field(const Dim& v) {
    if (v.is_constant()) {
      Field(v.constant());
    } else {
      Field(v.ToString());
    }
  }
  void Field(const Shape& v) {
    Add(v.size());
    for (const Dim& d : v) Field(d);
  }
  void Field(const TensorType& v) {
    Field(v.dtype);
    Field(v.dims);
  }
  void Field(const Literal& v) {
    Field(v.dtype());
    Field(v.dims());
    AddBytes(v.bytes(), v.byte_size());
  }
  template <typename E>
  std::enable_if_t<std::is_enum_v<E>> Field(E v) {
    Add(static_cast<uint64_t>(v));
  }

  size_t hash() const { return static_cast<size_t>(state_); }

 private:
  uint64_t state_ = 0;
};

}  // namespace

bool AttributesEqual(const Attributes& a, const Attributes& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&b](const auto& x) { return StructEqual(x, std::get<std::decay_t<decltype(x)>>(b)); }, a);
}

size_t HashAttributes(const Attributes& attributes) {
  Hasher hasher;
  hasher.Add(attributes.index());
  VisitFields(attributes, [&hasher](absl::string_view, const auto& field) { hasher.Field(field); });
  return hasher.hash();
}

}  // namespace tenon::ir

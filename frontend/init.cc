#include "tenon/frontend/init.h"

#include <cmath>
#include <functional>

#include "absl/strings/str_cat.h"
#include "tenon/frontend/random.h"
#include "tenon/ir/check.h"

namespace tenon {

using ir::InitKind;

namespace {

// Keras scales the deviation of truncated normals so that what is left after cutting at two
// deviations has the one asked for.
constexpr double kTruncation = 0.87962566103423978;

// FNV-1a: the stream of a name, the same everywhere and always.
uint64_t HashName(absl::string_view name) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

void Fill(Tensor& t, const std::function<double()>& next) {
  for (int64_t i = 0; i < t.num_elements(); ++i) t.SetFromDouble(i, next());
}

}  // namespace

Fans ComputeFans(absl::Span<const int64_t> dims) {
  if (dims.empty()) return {};
  if (dims.size() == 1) return {static_cast<double>(dims[0]), static_cast<double>(dims[0])};
  double receptive = 1;
  for (size_t i = 0; i + 2 < dims.size(); ++i) receptive *= static_cast<double>(dims[i]);
  return {receptive * static_cast<double>(dims[dims.size() - 2]),
          receptive * static_cast<double>(dims[dims.size() - 1])};
}

absl::StatusOr<Tensor> Initialize(const ir::Initializer& initializer, ir::DType dtype,
                                  absl::Span<const int64_t> dims, uint64_t seed,
                                  absl::string_view name) {
  TENON_ASSIGN_OR_RETURN(Tensor t, Tensor::Create(dtype, dims));
  const bool random =
      initializer.kind != InitKind::kZeros && initializer.kind != InitKind::kConstant;
  if (random && !ir::IsFloat(dtype)) {
    return absl::InvalidArgumentError(absl::StrCat("'", name, "': a random initial value needs a ",
                                                   "float type, not ", ir::DTypeName(dtype)));
  }
  Random numbers(seed, HashName(name));
  const Fans fans = ComputeFans(dims);
  auto uniform = [&](double low, double high) {
    Fill(t, [&] { return low + (high - low) * numbers.Uniform(); });
  };
  auto truncated = [&](double deviation) {
    Fill(t, [&] { return deviation / kTruncation * numbers.TruncatedNormal(); });
  };
  switch (initializer.kind) {
    case InitKind::kZeros:
      break;
    case InitKind::kConstant:
      Fill(t, [&] { return initializer.a; });
      break;
    case InitKind::kNormal:
      Fill(t, [&] { return initializer.a + initializer.b * numbers.Normal(); });
      break;
    case InitKind::kUniform:
      uniform(initializer.a, initializer.b);
      break;
    case InitKind::kGlorotUniform: {
      const double limit = std::sqrt(6 / std::max(1.0, fans.in + fans.out));
      uniform(-limit, limit);
      break;
    }
    case InitKind::kGlorotNormal:
      truncated(std::sqrt(2 / std::max(1.0, fans.in + fans.out)));
      break;
    case InitKind::kHeUniform: {
      const double limit = std::sqrt(6 / std::max(1.0, fans.in));
      uniform(-limit, limit);
      break;
    }
    case InitKind::kHeNormal:
      truncated(std::sqrt(2 / std::max(1.0, fans.in)));
      break;
  }
  return t;
}

}  // namespace tenon

#include "tenon/frontend/checkpoint/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "tenon/frontend/data/file.h"
#include "tenon/ir/check.h"
#include "tenon/ir/file.h"

namespace tenon::checkpoint {

namespace {

using Json = nlohmann::json;
using ir::DType;

constexpr char kMetadata[] = "__metadata__";
// As the format's own implementation has it.
constexpr uint64_t kMaxHeader = 100'000'000;

// The format's spelling of element types.
absl::string_view CodeOf(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "F32";
    case DType::kF64:
      return "F64";
    case DType::kBF16:
      return "BF16";
    case DType::kF16:
      return "F16";
    case DType::kI8:
      return "I8";
    case DType::kU8:
      return "U8";
    case DType::kI32:
      return "I32";
    case DType::kI64:
      return "I64";
    case DType::kBool:
      return "BOOL";
  }
  TENON_CHECK(false);
}

std::optional<DType> DTypeOf(absl::string_view code) {
  for (int i = 0; i < ir::kNumDTypes; ++i) {
    if (CodeOf(static_cast<DType>(i)) == code) return static_cast<DType>(i);
  }
  return std::nullopt;
}

class File {
 public:
  explicit File(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool ok() const { return fd_ >= 0; }

  // The size of a regular file; nullopt for anything else.
  std::optional<uint64_t> Size() const {
    struct stat info;
    if (fstat(fd_, &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    return static_cast<uint64_t>(info.st_size);
  }
  bool Read(void* out, uint64_t bytes, uint64_t offset) const {
    auto* to = static_cast<char*>(out);
    while (bytes > 0) {
      const ssize_t n = pread(fd_, to, bytes, static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      to += n;
      offset += static_cast<uint64_t>(n);
      bytes -= static_cast<uint64_t>(n);
    }
    return true;
  }

 private:
  int fd_;
};

// What the header says of one tensor, checked in itself.
struct Entry {
  std::string name;
  DType dtype;
  Dims dims;
  uint64_t begin, end;  // bytes after the header
};

absl::StatusOr<Entry> ParseEntry(const std::string& name, const Json& json) {
  auto damaged = [&](absl::string_view what) {
    return absl::DataLossError(absl::StrCat("tensor '", name, "': ", what));
  };
  if (!json.is_object() || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets") || json.size() != 3) {
    return damaged("its entry must have dtype, shape and data_offsets, and nothing else");
  }
  const Json &dtype = json["dtype"], &shape = json["shape"], &offsets = json["data_offsets"];
  if (!dtype.is_string()) return damaged("dtype is no text");
  const std::optional<DType> parsed = DTypeOf(dtype.get_ref<const std::string&>());
  if (!parsed.has_value()) {
    return damaged(absl::StrCat("unknown dtype '", dtype.get_ref<const std::string&>(), "'"));
  }
  Entry entry{name, *parsed, {}, 0, 0};
  if (!shape.is_array() || shape.size() > ir::kMaxRank) return damaged("bad shape");
  for (const Json& extent : shape) {
    if (!extent.is_number_unsigned() || extent.get<uint64_t>() > INT64_MAX) {
      return damaged("bad shape");
    }
    entry.dims.push_back(static_cast<int64_t>(extent.get<uint64_t>()));
  }
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    return damaged("bad data_offsets");
  }
  entry.begin = offsets[0].get<uint64_t>();
  entry.end = offsets[1].get<uint64_t>();
  absl::StatusOr<int64_t> count = CountElements(entry.dims, entry.dtype);
  if (!count.ok()) return damaged(count.status().message());
  const auto bytes = static_cast<uint64_t>(*count * ir::ByteSize(entry.dtype));
  if (entry.end < entry.begin || entry.end - entry.begin != bytes) {
    return damaged(absl::StrCat("data_offsets ", entry.begin, " to ", entry.end, " do not fit its ",
                                bytes, " bytes"));
  }
  return entry;
}

// The header as JSON, or null when it is not well-formed or names a key twice at its top.
Json ParseHeader(const std::string& text) {
  std::map<std::string, int> seen;
  bool twice = false;
  auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    // An entry is an object of arrays and text: whatever is nested deeper is no header of ours.
    if (depth > 4) return false;
    if (event == Json::parse_event_t::key && depth == 1) {
      twice |= ++seen[parsed.get<std::string>()] > 1;
    }
    return true;
  };
  Json json = Json::parse(text, watch, /*allow_exceptions=*/false);
  return json.is_discarded() || twice ? Json() : json;
}

absl::Status ParseMetadata(const Json& json, std::map<std::string, std::string>& metadata) {
  if (!json.is_object()) return absl::DataLossError("__metadata__ is no object");
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) return absl::DataLossError("__metadata__ holds more than text");
    metadata[key] = value.get<std::string>();
  }
  return absl::OkStatus();
}

// Entries in the order of their data, which must follow each other without gaps up to `size`.
absl::Status CheckLayout(std::vector<Entry>& entries, uint64_t size) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::make_pair(a.begin, a.end) < std::make_pair(b.begin, b.end);
  });
  uint64_t end = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != end) {
      return absl::DataLossError(absl::StrCat("tensor '", entry.name, "': its data begin at ",
                                              entry.begin, ", where ", end, " is expected"));
    }
    end = entry.end;
  }
  if (end == size) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("its header describes ", end, " bytes of data, but it has ", size));
}

absl::Status ReadInto(const File& file, Checkpoint& checkpoint) {
  const std::optional<uint64_t> size = file.Size();
  if (!size.has_value()) return absl::DataLossError("not a regular file");
  unsigned char prefix[8];
  if (*size < sizeof(prefix) || !file.Read(prefix, sizeof(prefix), 0)) {
    return absl::DataLossError("it ends before its header");
  }
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | prefix[i];
  if (length > kMaxHeader || length > *size - sizeof(prefix)) {
    return absl::DataLossError(absl::StrCat("a header of ", length, " bytes in a file of ", *size));
  }
  std::string header(length, '\0');
  if (!file.Read(header.data(), length, sizeof(prefix))) {
    return absl::DataLossError("its header cannot be read");
  }
  const Json json = ParseHeader(header);
  if (!json.is_object()) return absl::DataLossError("its header is no sound JSON object");
  std::vector<Entry> entries;
  for (const auto& [name, value] : json.items()) {
    if (name == kMetadata) {
      TENON_RETURN_IF_ERROR(ParseMetadata(value, checkpoint.metadata));
      continue;
    }
    TENON_ASSIGN_OR_RETURN(Entry entry, ParseEntry(name, value));
    entries.push_back(std::move(entry));
  }
  const uint64_t data = sizeof(prefix) + length;
  TENON_RETURN_IF_ERROR(CheckLayout(entries, *size - data));
  for (const Entry& entry : entries) {
    Tensor tensor(entry.dtype, entry.dims);
    if (!file.Read(tensor.mutable_bytes(), entry.end - entry.begin, data + entry.begin)) {
      return absl::DataLossError(absl::StrCat("tensor '", entry.name, "' cannot be read"));
    }
    if (entry.dtype == DType::kBool) {
      for (uint8_t element : tensor.data<uint8_t>()) {
        if (element > 1) {
          return absl::DataLossError(
              absl::StrCat("tensor '", entry.name, "' holds a bool that is neither 0 nor 1"));
        }
      }
    }
    checkpoint.tensors.emplace(entry.name, std::move(tensor));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Layout> LayOut(const std::map<std::string, TensorView>& tensors,
                              const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  Layout layout;
  for (const auto& [name, view] : tensors) layout.order.push_back(name);
  std::stable_sort(layout.order.begin(), layout.order.end(),
                   [&](const std::string& a, const std::string& b) {
                     return ir::ByteSize(tensors.at(a).dtype) > ir::ByteSize(tensors.at(b).dtype);
                   });
  int64_t offset = 0;
  for (const std::string& name : layout.order) {
    const TensorView& view = tensors.at(name);
    if (name.empty() || name == kMetadata) {
      return absl::InvalidArgumentError(absl::StrCat("a tensor cannot be called '", name, "'"));
    }
    header[name] = {{"dtype", std::string(CodeOf(view.dtype))},
                    {"shape", std::vector<int64_t>(view.dims.begin(), view.dims.end())},
                    {"data_offsets", {offset, offset + view.byte_size()}}};
    layout.offsets[name] = offset;
    offset += view.byte_size();
  }
  // Names that are not UTF-8 are replaced rather than thrown at.
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data start aligned
  for (int i = 0; i < 8; ++i) layout.header += static_cast<char>(text.size() >> (8 * i));
  layout.header += text;
  for (auto& [name, begin] : layout.offsets) begin += static_cast<int64_t>(layout.header.size());
  return layout;
}

absl::Status Save(const std::string& path, const std::map<std::string, TensorView>& tensors,
                  const std::map<std::string, std::string>& metadata) {
  TENON_ASSIGN_OR_RETURN(const Layout layout, LayOut(tensors, metadata));
  std::vector<absl::string_view> pieces = {layout.header};
  for (const std::string& name : layout.order) {
    const TensorView& view = tensors.at(name);
    pieces.emplace_back(static_cast<const char*>(view.data), view.byte_size());
  }
  return ir::WriteFileAtomically(path, pieces);
}

absl::StatusOr<Checkpoint> Load(const std::string& path) {
  const File file(path);
  if (!file.ok()) {
    const int error = errno;
    const std::string message = absl::StrCat("cannot open '", path, "': ", std::strerror(error));
    return error == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
  }
  Checkpoint checkpoint;
  absl::Status status = ReadInto(file, checkpoint);
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat("'", path, "' is damaged: ", status.message()));
  }
  return checkpoint;
}

}  // namespace tenon::checkpoint

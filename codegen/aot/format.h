// The forms that ahead-of-time compilation writes: the list formats.def as a type and as a table.
#ifndef TENON_CODEGEN_AOT_FORMAT_H_
#define TENON_CODEGEN_AOT_FORMAT_H_

#include <cstdint>

namespace tenon::codegen {

enum class FileFormat : uint8_t {
#define TENON_FILE_FORMAT(enumerator, spelling, suffix) enumerator,
#include "tenon/codegen/aot/formats.def"
};

struct FileFormatRow {
  FileFormat format;
  const char* name;
  const char* suffix;
};
inline constexpr FileFormatRow kFileFormats[] = {
#define TENON_FILE_FORMAT(enumerator, spelling, suffix) {FileFormat::enumerator, spelling, suffix},
#include "tenon/codegen/aot/formats.def"
};

// Text of LLVM's: what the code generator has to keep for it.
constexpr bool IsText(FileFormat format) {
  return format == FileFormat::kLlvm || format == FileFormat::kAssembly;
}

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_AOT_FORMAT_H_

#include "tenon/codegen/aot/header.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "abi_text.h"  // kAbiText: runtime/abi.h, made by the build
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tenon/codegen/aot/cpp_layer.h"
#include "tenon/codegen/aot/names.h"
#include "tenon/codegen/llvm/object.h"
#include "tenon/runtime/abi.h"

namespace tenon::codegen {
namespace {

using kernel::Binding;
using Field = HeaderField;

const char* RoleOf(const Field& field) {
  if (field.binding->is_output) return "output";
  switch (field.binding->kind) {
    case ir::InputKind::kInput:
      return field.written ? "input, updated" : "input";
    case ir::InputKind::kParameter:
      return field.written ? "parameter, updated" : "parameter";
    case ir::InputKind::kState:
      return field.written ? "state, updated" : "state";
  }
  return "";
}

class HeaderWriter {
 public:
  HeaderWriter(const Artifact& artifact, const HeaderOptions& options)
      : artifact_(artifact), options_(options), upper_(absl::AsciiStrToUpper(options.name)) {
    CollectFields();
  }

  std::string Write() {
    Opening();
    Add(absl::StrReplaceAll(kAbiText, {{"\r", ""}}));
    Add(absl::StrCat("#if TENON_ABI_VERSION != ", TENON_ABI_VERSION,
                     "\n#error \"headers of different versions of tenon in one translation unit\"\n"
                     "#endif\n"));
    Add("\n");
    Shared();
    Add("#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    Sizes();
    Structs();
    WeightsPart();
    Calls();
    Messages();
    Add("#ifdef __cplusplus\n}  // extern \"C\"\n\n");
    Add(CppLayer(artifact_, options_, fields_));
    Add("#endif /* __cplusplus */\n\n#endif /* TENON_AOT_@U@_H_ */\n");
    return std::move(text_);
  }

 private:
  void Add(absl::string_view text) {
    absl::StrAppend(&text_, absl::StrReplaceAll(text, {{"@N@", options_.name}, {"@U@", upper_}}));
  }

  void CollectFields() {
    std::set<std::string> taken;
    const auto unique = [&](std::string name, bool is_output) {
      if (taken.count(name) != 0 && is_output) name += "_out";
      while (!taken.insert(name).second) name += "_";
      return name;
    };
    std::vector<int> field_of(artifact_.bindings.size(), -1);
    for (size_t i = 0; i < artifact_.bindings.size(); ++i) {
      const Binding& binding = artifact_.bindings[i];
      const int number = static_cast<int>(i);
      if (binding.is_output && binding.donated_input >= 0) {
        Field& field = fields_[field_of[binding.donated_input]];
        field.written = true;
        field.bindings.push_back(number);
        continue;
      }
      field_of[i] = static_cast<int>(fields_.size());
      fields_.push_back({unique(ToIdentifier(binding.name), binding.is_output),
                         &binding,
                         {number},
                         binding.is_output});
    }
  }

  bool has_symbols() const { return !artifact_.symbols.empty(); }
  std::string Pointer(const Field& field) const {
    return absl::StrCat(field.written ? "" : "const ", CTypeOf(field.binding->type.dtype), "*");
  }

  void Opening() {
    Add(absl::StrCat("/* @N@: made by ",
                     GeneratorVersion().substr(GeneratorVersion().find("tenon")),
                     "; do not edit.\n * For ", artifact_.target.triple,
                     artifact_.target.cpu.empty() ? "" : ", ", artifact_.target.cpu, ".\n *\n"));
    for (const Field& field : fields_) {
      Add(absl::StrCat(" *   ", field.name, ": ", field.binding->type.ToString(true), "  ",
                       RoleOf(field), "\n"));
    }
    Add(R"( *
 * In C: fill in the fields of a @N@_instance that are the caller's (the rest zero), call
 * @N@_prepare once for a set of weights, and @N@_step for every run. In C++: class @N@::Program.
 * All memory is the caller's, nothing is allocated, nothing global is written: any number of
 * instances may run at the same time. Both calls return TENON_OK, or what was wrong;
 * @N@_status_text and @N@_culprit say it in words. After a failed step, tensors that it updates
 * hold undefined values.
 *
 * On several threads: set `team` (the comments at tenon_team say what its callbacks must do). For
 * each run call @N@_begin once, then @N@_step_on(instance, thread, threads) from each of `threads`
 * threads, at most @U@_MAX_THREADS, at the same time, and go on once all have returned; the arena
 * must have @U@_ARENA_BYTES_FOR(threads) bytes.
 */
#ifndef TENON_AOT_@U@_H_
#define TENON_AOT_@U@_H_

)");
  }

  void Shared() {
    Add(R"(#ifndef TENON_AOT_SHARED_
#define TENON_AOT_SHARED_
static inline void tenon_copy(void* to, const void* from, int64_t bytes) {
  unsigned char* out = (unsigned char*)to;
  const unsigned char* in = (const unsigned char*)from;
  for (int64_t i = 0; i < bytes; ++i) out[i] = in[i];
}
static inline int64_t tenon_floor_div(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}
/* A hash of weights, chained: start with 0. */
static inline uint64_t tenon_hash(uint64_t hash, const void* data, size_t bytes) {
  const unsigned char* at = (const unsigned char*)data;
  for (; bytes > 0; bytes -= bytes < 8 ? bytes : 8, at += 8) {
    uint64_t word = 0;
    if (bytes >= 8) {
      word = (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 |
             (uint64_t)at[3] << 24 | (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 |
             (uint64_t)at[6] << 48 | (uint64_t)at[7] << 56;
    } else {
      for (size_t i = 0; i < bytes; ++i) word |= (uint64_t)at[i] << (8 * i);
    }
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    hash ^= hash >> 32;
  }
  return hash;
}
#endif

)");
  }

  void Sizes() {
    // A compiler for another machine would lay the structs out in another way.
    Add(absl::StrCat("typedef char @N@_is_for_another_target[sizeof(void*) == ",
                     artifact_.target.pointer_bytes, " ? 1 : -1];\n\n"));
    Add("/* Most threads that may run the program together. */\n");
    Add(absl::StrCat("#define @U@_MAX_THREADS ", artifact_.target.max_threads, "\n"));
    Add("/* Bytes of the caller's memory, each at a multiple of TENON_ARENA_ALIGNMENT. */\n");
    Add(absl::StrCat("#define @U@_ARENA_BYTES_FOR(threads) (INT64_C(", artifact_.ArenaBytes(0),
                     ") + INT64_C(", artifact_.ArenaBytes(1) - artifact_.ArenaBytes(0),
                     ") * (threads))\n"));
    Add("#define @U@_ARENA_BYTES @U@_ARENA_BYTES_FOR(1)\n");
    Add(absl::StrCat("#define @U@_PREPARED_BYTES INT64_C(", artifact_.prepared_bytes, ")\n\n"));
    for (const kernel::Symbol& symbol : artifact_.symbols) {
      Add(absl::StrCat("#define @U@_MAX_", absl::AsciiStrToUpper(ToIdentifier(symbol.name)),
                       " INT64_C(", symbol.bound, ")\n"));
    }
    Add("/* Elements of each tensor, at most. */\n");
    for (const Field& field : fields_) {
      Add(absl::StrCat("#define @U@_", absl::AsciiStrToUpper(field.name), "_ELEMENTS INT64_C(",
                       field.binding->type.NumElements().UpperBound().value_or(0), ")\n"));
    }
    Add("\n");
  }

  void Structs() {
    Add("/* The caller's tensors, row-major. */\ntypedef struct @N@_tensors {\n");
    for (const Field& field : fields_) {
      Add(absl::StrCat("  ", Pointer(field), " ", field.name, "; /* ",
                       field.binding->type.ToString(), ", ", RoleOf(field), " */\n"));
    }
    Add("} @N@_tensors;\n\n");
    if (has_symbols()) {
      Add("/* The extents of this run. */\ntypedef struct @N@_extents {\n");
      for (const kernel::Symbol& symbol : artifact_.symbols) {
        Add(absl::StrCat("  int64_t ", ToIdentifier(symbol.name), "; /* 0 to ", symbol.bound,
                         " */\n"));
      }
      Add("} @N@_extents;\n\n");
    }
    Add(
        absl::StrCat("typedef struct @N@_instance {\n  /* The caller's. */\n"
                     "  @N@_tensors tensors;\n",
                     has_symbols() ? "  @N@_extents extents;\n" : "",
                     "  void* arena;     /* @U@_ARENA_BYTES_FOR(threads) bytes */\n"
                     "  void* prepared;  /* @U@_PREPARED_BYTES; written by prepare */\n"
                     "  tenon_team* team; /* NULL for one thread */\n"
                     "  /* How large they are: too little is refused. 0: taken to be enough. */\n"
                     "  int64_t arena_bytes, prepared_bytes;\n"
                     "  /* Set by the calls. */\n  tenon_frame frame;\n  void* buffers[",
                     std::max<size_t>(1, artifact_.bindings.size()), "];\n} @N@_instance;\n\n"));
  }

  // Sets or copies the first values, and checks them.
  void WeightsPart() {
    const Weights& weights = options_.weights;
    if (weights.place == WeightsPlace::kCaller) return;
    Add(absl::StrCat("#define @U@_WEIGHTS_BYTES INT64_C(", weights.bytes, ")\n"));
    if (weights.place == WeightsPlace::kEmbedded) {
      Add("extern const unsigned char @N@_weights[];\n"
          "/* Points the tensors at the weights in the object; those that a step updates are "
          "copied\n"
          " * to where the caller has pointed them. */\n"
          "static inline void @N@_use_weights(@N@_instance* self) {\n"
          "  const unsigned char* from = @N@_weights;\n");
    } else {
      Add(absl::StrCat(
          "/* Points the tensors into `", weights.file, "`, which the caller has mapped or read\n",
          " * whole at a multiple of 8; those that a step updates are copied to where the caller\n"
          " * has pointed them. */\n"
          "static inline int32_t @N@_use_weights(@N@_instance* self, const void* file, "
          "int64_t bytes) {\n"
          "  const unsigned char* from = (const unsigned char*)file;\n"
          "  if (file == NULL || bytes != @U@_WEIGHTS_BYTES ||\n      tenon_hash(0, file, ",
          weights.head_bytes, ") != UINT64_C(", weights.head_hash,
          ")) {\n    return TENON_WRONG_WEIGHTS;\n  }\n"));
    }
    for (const WeightSlice& slice : weights.slices) {
      const Field& field = FieldOf(slice.binding);
      if (field.written) {
        Add(absl::StrCat("  if (self->tensors.", field.name,
                         " != NULL) {\n    tenon_copy(self->tensors.", field.name, ", from + ",
                         slice.offset, ", ", slice.bytes, ");\n  }\n"));
      } else {
        Add(absl::StrCat("  self->tensors.", field.name, " = (", Pointer(field), ")(const void*)",
                         "(from + ", slice.offset, ");\n"));
      }
    }
    if (weights.place == WeightsPlace::kFile) Add("  return TENON_OK;\n");
    Add("}\n/* Of the weights that are bound and that no step updates. */\n"
        "static inline uint64_t @N@_weights_hash(const @N@_instance* self) {\n"
        "  uint64_t hash = 0;\n");
    for (const WeightSlice& slice : weights.slices) {
      if (FieldOf(slice.binding).written) continue;
      Add(absl::StrCat("  hash = tenon_hash(hash, self->tensors.", FieldOf(slice.binding).name,
                       ", ", slice.bytes, ");\n"));
    }
    Add("  return hash;\n}\n\n");
  }

  void Calls() {
    for (const std::string* symbol : {&options_.prepare_symbol, &options_.step_symbol}) {
      Add(absl::StrCat("int32_t ", *symbol,
                       "(tenon_frame* frame, int32_t thread, int32_t threads);\n"));
    }
    Add("\nstatic inline void @N@_bind(@N@_instance* self) {\n");
    for (const Field& field : fields_) {
      for (int binding : field.bindings) {
        Add(absl::StrCat("  self->buffers[", binding, "] = (void*)self->tensors.", field.name,
                         ";\n"));
      }
    }
    Add(absl::StrCat("  self->frame.buffers = self->buffers;\n  self->frame.extents = ",
                     has_symbols() ? "(const int64_t*)&self->extents" : "NULL",
                     ";\n  self->frame.arena = (char*)self->arena;\n"
                     "  self->frame.prepared = (char*)self->prepared;\n"
                     "  self->frame.team = self->team;\n  self->frame.status = TENON_OK;\n"
                     "  self->frame.fault_site = -1;\n}\n"));
    Add(R"(/* Before every run on several threads, once. */
static inline void @N@_begin(@N@_instance* self) {
  @N@_bind(self);
  if (self->team != NULL) {
    self->team->arrived = 0;
    self->team->stop[0] = self->team->stop[1] = TENON_OK;
  }
}
static inline int32_t @N@_refuse(@N@_instance* self, int32_t thread, int32_t status,
                                 int64_t value) {
  if (thread == 0) {
    self->frame.fault_value = value;
    self->frame.status = status;
  }
  return status;
}
/* What the program itself cannot see. */
static inline int32_t @N@_check(@N@_instance* self, int32_t thread, int32_t threads) {
  if (self->arena_bytes != 0 && self->arena_bytes < @U@_ARENA_BYTES_FOR(threads)) {
    return @N@_refuse(self, thread, TENON_BAD_MEMORY, 0);
  }
  if (self->prepared_bytes != 0 && self->prepared_bytes < @U@_PREPARED_BYTES) {
    return @N@_refuse(self, thread, TENON_BAD_MEMORY, 1);
  }
  if (threads > 1 && self->team != NULL &&
      (self->team->wait == NULL || self->team->wake == NULL)) {
    return @N@_refuse(self, thread, TENON_BAD_THREAD, thread);
  }
  return TENON_OK;
}
)");
    Add(absl::StrCat(
        "static inline int32_t @N@_step_on(@N@_instance* self, int32_t thread, int32_t threads) {\n"
        "  const int32_t status = @N@_check(self, thread, threads);\n"
        "  if (status != TENON_OK) return status;\n  return ",
        options_.step_symbol, "(&self->frame, thread, threads);\n}\n",
        "static inline int32_t @N@_step(@N@_instance* self) {\n  @N@_bind(self);\n"
        "  return @N@_step_on(self, 0, 1);\n}\n",
        "/* Once for a set of weights: what depends on nothing else, such as packing. */\n"
        "static inline int32_t @N@_prepare(@N@_instance* self) {\n  @N@_bind(self);\n"
        "  const int32_t status = @N@_check(self, 0, 1);\n"
        "  if (status != TENON_OK) return status;\n"));
    if (options_.weights.place != WeightsPlace::kCaller) {
      for (const WeightSlice& slice : options_.weights.slices) {
        const std::string& name = FieldOf(slice.binding).name;
        Add(absl::StrCat("  if (self->tensors.", name,
                         " == NULL) {\n    return @N@_refuse(self, 0, TENON_MISSING_BUFFER, ",
                         slice.binding, ");\n  }\n"));
      }
      Add(absl::StrCat("  if (@N@_weights_hash(self) != UINT64_C(", options_.weights.hash,
                       ")) {\n    return @N@_refuse(self, 0, TENON_WRONG_WEIGHTS, 0);\n  }\n"));
    }
    Add(absl::StrCat("  return ", options_.prepare_symbol, "(&self->frame, 0, 1);\n}\n\n"));
  }

  void Messages() {
    Add(R"(static inline const char* @N@_status_text(int32_t status) {
  switch (status) {
    case TENON_OK: return "ok";
    case TENON_INDEX_OUT_OF_RANGE: return "an index is out of range";
    case TENON_NOT_FINITE: return "a value is not finite";
    case TENON_CANCELLED: return "cancelled";
    case TENON_BAD_THREAD:
      return "a bad thread number, too many, or several without a team and its callbacks";
    case TENON_BAD_EXTENT: return "an extent is negative or beyond its bound";
    case TENON_MISSING_BUFFER: return "a tensor has no memory, or too little";
    case TENON_MISALIGNED_BUFFER: return "a tensor is not aligned to its elements";
    case TENON_BAD_MEMORY: return "arena or prepared area missing, misaligned or too small";
    case TENON_WRONG_WEIGHTS: return "not the weights that this was compiled with";
    case TENON_NO_REGISTERS: return "the system refuses the processor's matrix registers";
    default: return "unknown status";
  }
}
/* What the last failed call means by its status: a tensor, a dimension, a source line; or "". */
static inline const char* @N@_culprit(const @N@_instance* self) {
)");
    const auto cases = [&](absl::string_view first, const std::vector<std::string>& names,
                           absl::string_view selector) {
      if (names.empty()) return;
      Add(absl::StrCat("  if (", first, ") {\n    switch (", selector, ") {\n"));
      for (size_t i = 0; i < names.size(); ++i) {
        if (names[i].empty()) continue;
        Add(absl::StrCat("      case ", i, ": return \"", names[i], "\";\n"));
      }
      Add("      default: break;\n    }\n  }\n");
    };
    std::vector<std::string> bindings(artifact_.bindings.size()), symbols, sites;
    for (const Field& field : fields_) {
      for (int binding : field.bindings) bindings[binding] = field.name;
    }
    for (const kernel::Symbol& symbol : artifact_.symbols) symbols.push_back(symbol.name);
    for (const ir::Location& site : artifact_.sites) {
      const bool fits = site.known() && site.file.find_first_of("\"\\\n") == std::string::npos;
      sites.push_back(fits ? site.ToString() : "");
    }
    Add("  const int32_t status = self->frame.status;\n");
    cases("status == TENON_MISSING_BUFFER || status == TENON_MISALIGNED_BUFFER", bindings,
          "self->frame.fault_value");
    cases("status == TENON_BAD_EXTENT", symbols, "self->frame.fault_value");
    cases("status == TENON_BAD_MEMORY", {"arena", "prepared"}, "self->frame.fault_value");
    cases("status == TENON_INDEX_OUT_OF_RANGE || status == TENON_NOT_FINITE", sites,
          "self->frame.fault_site");
    Add("  (void)status;\n  return \"\";\n}\n\n");
  }

  const Field& FieldOf(int binding) const {
    for (const Field& field : fields_) {
      if (std::count(field.bindings.begin(), field.bindings.end(), binding) != 0) return field;
    }
    return fields_.front();
  }

  const Artifact& artifact_;
  const HeaderOptions& options_;
  const std::string upper_;
  std::vector<Field> fields_;
  std::string text_;
};

}  // namespace

uint64_t HashWeights(uint64_t hash, absl::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min<size_t>(8, bytes.size() - i));
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    hash ^= hash >> 32;
  }
  return hash;
}

std::string MakeHeader(const Artifact& artifact, const HeaderOptions& options) {
  return HeaderWriter(artifact, options).Write();
}

}  // namespace tenon::codegen

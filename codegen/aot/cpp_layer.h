// The C++ part of the header of a program that was compiled ahead of time. Internal to header.cc.
#ifndef TENON_CODEGEN_AOT_CPP_LAYER_H_
#define TENON_CODEGEN_AOT_CPP_LAYER_H_

#include <string>
#include <vector>

#include "tenon/codegen/aot/header.h"

namespace tenon::codegen {

// One pointer of the caller's: an input, an output, or both of a donated pair.
struct HeaderField {
  std::string name;
  const kernel::Binding* binding = nullptr;
  std::vector<int> bindings;  // the places that the pointer takes in the frame's buffers
  bool written = false;
};

// A class around the C calls. It has spans where C has pointers: of fixed size where the shape is,
// else checked at each run. The program's name stands as @N@, and in capitals as @U@.
std::string CppLayer(const Artifact& artifact, const HeaderOptions& options,
                     const std::vector<HeaderField>& fields);

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_AOT_CPP_LAYER_H_

# Who may include whom (docs/design.md). Run as: cmake -DSOURCE_DIR=... -P check.cmake
# Each rule: a folder, and a regular expression of the includes that it may not have.
cmake_minimum_required(VERSION 3.25)
function(forbid glob pattern)
  file(GLOB_RECURSE files "${SOURCE_DIR}/${glob}")
  foreach(file ${files})
    file(RELATIVE_PATH name "${SOURCE_DIR}" "${file}")
    if(name IN_LIST ARGN)
      continue()
    endif()
    file(STRINGS "${file}" lines REGEX "^ *# *include *[\"<](${pattern})")
    foreach(line ${lines})
      message(SEND_ERROR "${name}: forbidden: ${line}")
    endforeach()
  endforeach()
endfunction()

foreach(kind h cc def)
  forbid("runtime/*.${kind}" "tenon/(ir|passes|codegen|frontend)/|absl/|google/|llvm/")
  forbid("ir/*.${kind}" "tenon/(passes|codegen|frontend)/|llvm/")
  forbid("passes/*.${kind}" "tenon/(codegen|frontend)/|llvm/")
  forbid("codegen/*.${kind}" "tenon/(passes|frontend)/")
  forbid("frontend/*.${kind}" "tenon/(passes|codegen)/|llvm/" frontend/compile.cc
         frontend/aot.cc frontend/aot.h)
  forbid("tools/*.${kind}" "llvm/")
  # LLVM's headers stay in codegen/llvm.
  file(GLOB direct RELATIVE "${SOURCE_DIR}" "${SOURCE_DIR}/codegen/*.${kind}")
  foreach(file ${direct})
    forbid("${file}" "llvm/|llvm-c/")
  endforeach()
endforeach()

# Below the frontend, only the ABI is seen of the runtime.
file(GLOB_RECURSE files "${SOURCE_DIR}/ir/*.h" "${SOURCE_DIR}/ir/*.cc" "${SOURCE_DIR}/passes/*.h"
     "${SOURCE_DIR}/passes/*.cc" "${SOURCE_DIR}/codegen/*.h" "${SOURCE_DIR}/codegen/*.cc")
foreach(file ${files})
  file(STRINGS "${file}" lines REGEX "^ *# *include *\"tenon/runtime/")
  list(FILTER lines EXCLUDE REGEX "tenon/runtime/abi.h")
  foreach(line ${lines})
    message(SEND_ERROR "${file}: forbidden: ${line}")
  endforeach()
endforeach()

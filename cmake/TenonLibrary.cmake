# Headers that nearly every file includes, precompiled (TENON_PRECOMPILE): once for all libraries, and
# once, with GoogleTest, for all tests. `set` names which; the first target of a set compiles it.
function(tenon_precompile target set)
  if(NOT TENON_PRECOMPILE)
    return()
  endif()
  get_property(owner GLOBAL PROPERTY "TENON_PRECOMPILED_${set}")
  if(owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
  else()
    set_property(GLOBAL PROPERTY "TENON_PRECOMPILED_${set}" ${target})
    target_precompile_headers(${target} PRIVATE <algorithm> <cstdint> <functional> <map> <memory>
      <optional> <set> <string> <utility> <variant> <vector> <absl/status/statusor.h>
      <absl/strings/str_cat.h> <absl/strings/str_join.h> <absl/types/span.h> ${ARGN})
  endif()
endfunction()

# tenon_library(name DEPS ...): one static library from all sources below the current folder.
function(tenon_library name)
  cmake_parse_arguments(ARG "" "" "DEPS;PRIVATE_DEPS;SOURCES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  if(NOT sources)
    set(sources "${CMAKE_CURRENT_BINARY_DIR}/${name}_empty.cc")
    file(TOUCH "${sources}")
  endif()
  add_library(${name} STATIC ${sources} ${ARG_SOURCES})
  string(REPLACE "tenon_" "" short ${name})
  set_target_properties(${name} PROPERTIES EXPORT_NAME ${short} LINKER_LANGUAGE CXX
    UNITY_BUILD "${TENON_UNITY}" UNITY_BUILD_BATCH_SIZE 8)
  add_library(tenon::${short} ALIAS ${name})
  target_include_directories(${name} PUBLIC
    "$<BUILD_INTERFACE:${TENON_INCLUDE_DIR}>" "$<INSTALL_INTERFACE:include>")
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_link_libraries(${name} PUBLIC ${ARG_DEPS}
    PRIVATE $<BUILD_INTERFACE:tenon_options> ${ARG_PRIVATE_DEPS})
endfunction()

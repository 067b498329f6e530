# tenon_compile(target model [NAME name] [TARGET machine] [WEIGHTS_IN caller|object|file]
#               [WEIGHTS file.safetensors] [NUMERICS level] [SEED number] [MAX_ARENA bytes]
#               [PREPACK target|always|never] [MULTI_ISA])
#
# Compiles a model (.tn or .tnb) ahead of time as part of the build: `target` is linked with the
# object and finds the header <name>.h. They are made again when the model or the compiler changes.
# NAME is the prefix of what the header declares; without it, the file's name.
function(tenon_compile target model)
  cmake_parse_arguments(ARG "MULTI_ISA" "NAME;TARGET;WEIGHTS_IN;WEIGHTS;NUMERICS;SEED;MAX_ARENA;PREPACK" "" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "tenon_compile: unknown arguments: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  get_filename_component(model "${model}" ABSOLUTE)
  if(NOT ARG_NAME)
    get_filename_component(ARG_NAME "${model}" NAME_WE)
  endif()
  set(directory "${CMAKE_CURRENT_BINARY_DIR}/${target}.tenon")
  set(object "${directory}/${ARG_NAME}.o")
  set(header "${directory}/${ARG_NAME}.h")
  set(flags --name "${ARG_NAME}")
  foreach(pair "TARGET=--target" "WEIGHTS_IN=--weights-in" "WEIGHTS=--weights" "NUMERICS=--numerics"
          "SEED=--seed" "MAX_ARENA=--max-arena" "PREPACK=--prepack")
    string(REPLACE "=" ";" pair "${pair}")
    list(GET pair 0 key)
    list(GET pair 1 flag)
    if(DEFINED ARG_${key})
      list(APPEND flags "${flag}" "${ARG_${key}}")
    endif()
  endforeach()
  if(ARG_MULTI_ISA)
    list(APPEND flags --multi-isa)
  endif()
  file(MAKE_DIRECTORY "${directory}")
  add_custom_command(OUTPUT "${object}" "${header}"
    COMMAND tenon::tenon compile "${model}" -o "${object}" --header "${header}" ${flags}
    DEPENDS "${model}" "${ARG_WEIGHTS}" tenon::tenon
    COMMENT "Compiling ${ARG_NAME} ahead of time" VERBATIM)
  set_source_files_properties("${object}" PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  target_sources(${target} PRIVATE "${object}" "${header}")
  target_include_directories(${target} PRIVATE "${directory}")
endfunction()

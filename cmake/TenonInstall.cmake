# Installation: headers under include/tenon/, static libraries, and the package for find_package(tenon).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS tenon_runtime tenon_ir tenon_passes tenon_codegen tenon_frontend
        EXPORT tenonTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET tenon)
  install(TARGETS tenon EXPORT tenonTargets RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(DIRECTORY "${PROJECT_BINARY_DIR}/tools/man/" DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES "${PROJECT_BINARY_DIR}/tools/tenon.bash" RENAME tenon
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES "${PROJECT_BINARY_DIR}/tools/_tenon"
          DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
endif()
foreach(folder runtime ir passes codegen frontend)
  # LLVM's types stay inside codegen/llvm: nothing of it is for users.
  install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tenon
          FILES_MATCHING PATTERN "*.h" PATTERN "*.def" PATTERN "llvm" EXCLUDE)
endforeach()
install(EXPORT tenonTargets NAMESPACE tenon:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/tenon)
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/tenonConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/tenonConfig.cmake"
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/tenon)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/tenonConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/tenonConfig.cmake" "${PROJECT_BINARY_DIR}/tenonConfigVersion.cmake"
        "${PROJECT_SOURCE_DIR}/cmake/TenonCompile.cmake"
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/tenon)

# Installs headers, library and the package that find_package(inlay) reads.
include(CMakePackageConfigHelpers)

set(inlay_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/inlay)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS inlay inlay_headers EXPORT inlay_targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(EXPORT inlay_targets NAMESPACE inlay:: DESTINATION ${inlay_package_dir})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/inlay-config.cmake.in
  ${PROJECT_BINARY_DIR}/inlay-config.cmake INSTALL_DESTINATION ${inlay_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/inlay-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/inlay-config.cmake ${PROJECT_BINARY_DIR}/inlay-config-version.cmake
  DESTINATION ${inlay_package_dir})

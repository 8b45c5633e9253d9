# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
include(CMakePackageConfigHelpers)

set(sluice_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/sluice")
install(EXPORT sluice NAMESPACE sluice:: DESTINATION ${sluice_package_dir} FILE sluiceTargets.cmake)
configure_package_config_file(cmake/sluiceConfig.cmake.in sluiceConfig.cmake
    INSTALL_DESTINATION ${sluice_package_dir})
write_basic_package_version_file(sluiceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/sluiceConfig.cmake" "${PROJECT_BINARY_DIR}/sluiceConfigVersion.cmake"
    DESTINATION ${sluice_package_dir})

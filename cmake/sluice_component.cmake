# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

# Flags for our own code only: those who embed sluice keep theirs.
add_library(sluice_warnings INTERFACE)
# GCC 12 warns wrongly of coroutine frames under sanitizers (mismatched-new-delete), and of std::string's insides with -O3
# (stringop-overflow, restrict: GCC's bugs 105329 and 105651), and of much of the standard library under sanitizers
# (maybe-uninitialized; under the thread sanitizer of std::string too, array-bounds and stringop-overread). That its thread sanitizer
# does not see fences (tsan) is no matter: Asio's are beside a mutex.
string(FIND "${CMAKE_CXX_FLAGS}" "-fsanitize=" at)
if(at GREATER -1)
    set(sanitized ON)
endif()
string(FIND "${CMAKE_CXX_FLAGS}" "-fsanitize=thread" at)
if(at GREATER -1)
    set(thread_sanitized ON)
endif()
target_compile_options(sluice_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    "$<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete;-Wno-stringop-overflow;-Wno-restrict>"
    "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${sanitized}>>:-Wno-maybe-uninitialized>"
    "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${thread_sanitized}>>:-Wno-tsan;-Wno-array-bounds;-Wno-stringop-overread>"
    $<$<BOOL:${SLUICE_WARNINGS_AS_ERRORS}>:-Werror>)
target_compile_definitions(sluice_warnings INTERFACE BOOST_ASIO_NO_DEPRECATED)

# Fat objects: a static library made so is an ordinary one for every compiler and linker. Clang has them from 17 on.
if(SLUICE_LTO AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set(sluice_lto_compile -flto=auto -ffat-lto-objects)
    set(sluice_lto_link -flto=auto)
endif()

# sluice_component(<name> SOURCES ... INCLUDE <dir> DEPENDS ...)
# A static or shared library (BUILD_SHARED_LIBS) `sluice_<name>`, known as `sluice::<name>` in the tree and
# after install, with its public headers below <dir>.
function(sluice_component name)
    cmake_parse_arguments(ARG "" "INCLUDE" "SOURCES;DEPENDS" ${ARGN})
    add_library(sluice_${name} ${ARG_SOURCES})
    add_library(sluice::${name} ALIAS sluice_${name})
    set_target_properties(sluice_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON
        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    target_compile_features(sluice_${name} PUBLIC cxx_std_20)
    target_include_directories(sluice_${name} PUBLIC
        "$<BUILD_INTERFACE:${ARG_INCLUDE}>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
    target_link_libraries(sluice_${name} PUBLIC ${ARG_DEPENDS} PRIVATE "$<BUILD_INTERFACE:sluice_warnings>")
    target_compile_options(sluice_${name} PRIVATE ${sluice_lto_compile})
    if(name STREQUAL core)
        target_precompile_headers(sluice_core PRIVATE "${PROJECT_SOURCE_DIR}/cmake/precompiled.hpp")
    else()
        target_precompile_headers(sluice_${name} REUSE_FROM sluice_core)
    endif()
    install(TARGETS sluice_${name} EXPORT sluice LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(DIRECTORY "${ARG_INCLUDE}/" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endfunction()

# sluice_program(<name> [<target>])
# Shares the precompiled header of <target>, sluice_core's unless given: what shares one must agree on position independence (-fPIC,
# where CMake would give programs -fPIE).
function(sluice_program name)
    set(owners sluice_core ${ARGN})
    list(GET owners -1 precompiled_by)
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${name} PRIVATE -fPIC ${sluice_lto_compile})
    target_link_options(${name} PRIVATE ${sluice_lto_link})
    target_link_libraries(${name} PRIVATE sluice_warnings)
    target_precompile_headers(${name} REUSE_FROM ${precompiled_by})
endfunction()

# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

# Run by CTest, see CMakeLists.txt for the variables.
cmake_minimum_required(VERSION 3.25)

function(step what)
    message(STATUS "${what}: ${ARGN}")
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${what} failed: ${result}")
    endif()
endfunction()

set(prefix "${WORK}/prefix")
set(build "${WORK}/build")
set(configure "${CMAKE_COMMAND}" --fresh -S "${CONSUMER}" -B "${build}" -G "${GENERATOR}"
    "-DCMAKE_CXX_COMPILER=${CXX}" "-DCMAKE_CXX_FLAGS=${CXX_FLAGS}" "-DCMAKE_BUILD_TYPE=${CONFIG}"
    "-DCMAKE_CXX_COMPILER_LAUNCHER=${CXX_LAUNCHER}")

if(WAY STREQUAL "add_subdirectory")
    # The library is compiled anew: quicker without optimization, and without the precompiled header, so that a
    # source file that relies on it is found out. The build folder stays for next time.
    list(APPEND configure "-DSLUICE_SOURCE=${SLUICE_SOURCE}" "-DCMAKE_CXX_FLAGS=${CXX_FLAGS} -O0 -g0"
        -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON)
else()
    # Nothing may be found that an earlier run left behind.
    file(REMOVE_RECURSE "${WORK}")
    step("installing" "${CMAKE_COMMAND}" --install "${SLUICE_BUILD}" --prefix "${prefix}")
    list(APPEND configure "-DCMAKE_PREFIX_PATH=${prefix}")
endif()

if(WAY STREQUAL "find_missing_component")
    execute_process(COMMAND ${configure} "-DCOMPONENTS=fcgi;weir"
        RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
    message(STATUS "${text}")
    if(result EQUAL 0 OR NOT text MATCHES "weir")
        message(FATAL_ERROR "looking for a component that does not exist must fail, and name it")
    endif()
    return()
endif()

step("configuring" ${configure})
step("building" "${CMAKE_COMMAND}" --build "${build}" --target consumer)
step("running" "${build}/consumer")
if(WAY STREQUAL "find_package")
    step("the installed command" "${prefix}/bin/sluice" --version)
endif()

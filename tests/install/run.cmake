# SPDX-License-Identifier: Apache-2.0
# Installs a build to a place of its own, then configures, builds and tests a project against it: this folder's, unless
# SOURCE_DIR names another.
# cmake -D BUILD_DIR=… -D WORK_DIR=… -D BUILD_TYPE=… -D CXX_COMPILER=… [-D SOURCE_DIR=…] [-D WITH_TESTING=ON]
#       [-D WITH_TORCH=ON] [-D PYTORCH_FIRST=ON] -P run.cmake
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# Left from a run before: files that are no longer installed would hide that they are missing.
file(REMOVE_RECURSE ${WORK_DIR})
set(prefix ${WORK_DIR}/prefix)
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${prefix})

set(torch_arguments)
if(NOT WITH_TORCH)
  set(torch_arguments -D CMAKE_DISABLE_FIND_PACKAGE_Torch=ON)
endif()
set(source_dir ${CMAKE_CURRENT_LIST_DIR})
if(SOURCE_DIR)
  set(source_dir ${SOURCE_DIR})
endif()
run(${CMAKE_COMMAND} --no-warn-unused-cli -G Ninja -S ${source_dir} -B ${WORK_DIR}/build
    -D CMAKE_BUILD_TYPE=${BUILD_TYPE} -D CMAKE_CXX_COMPILER=${CXX_COMPILER} -D CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}
    -D CMAKE_PREFIX_PATH=${prefix} -D EDL_INCLUDE_DIR=${prefix}/include
    -D WITH_TESTING=${WITH_TESTING} -D WITH_TORCH=${WITH_TORCH} -D PYTORCH_FIRST=${PYTORCH_FIRST}
    ${torch_arguments})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build --parallel 2)
if(SOURCE_DIR)
  return()
endif()
run(${CMAKE_CTEST_COMMAND} --test-dir ${WORK_DIR}/build --output-on-failure --no-tests=error)
if(WITH_TORCH)
  run(${prefix}/bin/edl-teacher --help)
endif()

# SPDX-License-Identifier: Apache-2.0
# Configures EDL without all that can be left out, and fails if it looks for what only that needs.
# cmake -D SOURCE_DIR=… -D WORK_DIR=… -D CXX_COMPILER=… -P smallest.cmake
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK_DIR})
# A package that is disabled and yet required is an error of CMake's.
execute_process(COMMAND ${CMAKE_COMMAND} -G Ninja -S ${SOURCE_DIR} -B ${WORK_DIR} -D CMAKE_CXX_COMPILER=${CXX_COMPILER}
                        -D EDL_BUILD_TORCH=OFF -D EDL_BUILD_METRICS=OFF -D EDL_BUILD_TOP=OFF -D EDL_BUILD_TESTS=OFF
                        -D CMAKE_DISABLE_FIND_PACKAGE_Torch=ON -D CMAKE_DISABLE_FIND_PACKAGE_Curses=ON
                        -D CMAKE_DISABLE_FIND_PACKAGE_GTest=ON
                COMMAND_ERROR_IS_FATAL ANY)
file(STRINGS ${WORK_DIR}/CMakeCache.txt looked REGEX "^EDL_(MICROHTTPD|PROMETHEUS)_INCLUDE_DIR")
if(looked)
  message(FATAL_ERROR "it looks for what it is not to need: ${looked}")
endif()

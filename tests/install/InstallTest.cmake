# SPDX-License-Identifier: Apache-2.0
# The installed package, as a user's project finds it; without libtorch, and with it.
function(edl_install_test name)
  cmake_parse_arguments(arg "" "" "ARGUMENTS" ${ARGN})
  add_test(NAME install.${name}
           COMMAND ${CMAKE_COMMAND}
                   -D BUILD_DIR=${PROJECT_BINARY_DIR} -D WORK_DIR=${CMAKE_CURRENT_BINARY_DIR}/install/${name}
                   -D BUILD_TYPE=${CMAKE_BUILD_TYPE} -D CXX_COMPILER=${CMAKE_CXX_COMPILER}
                   -D LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER} ${arg_ARGUMENTS}
                   -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/run.cmake)
  set_tests_properties(install.${name} PROPERTIES LABELS install)
endfunction()
if(NOT EDL_SANITIZE)  # a user's program is not built with them
  edl_install_test(Core ARGUMENTS -D WITH_TESTING=ON)
  if(TARGET edl_torch)
    edl_install_test(Torch ARGUMENTS -D WITH_TESTING=ON -D WITH_TORCH=ON)
  endif()
endif()

# What the smallest build is not to need: as if nothing of it were on the machine.
add_test(NAME install.SmallestConfigures
         COMMAND ${CMAKE_COMMAND} -S ${PROJECT_SOURCE_DIR} -B ${CMAKE_CURRENT_BINARY_DIR}/install/smallest
                 -D EDL_BUILD_TORCH=OFF -D EDL_BUILD_METRICS=OFF -D EDL_BUILD_TOP=OFF -D EDL_BUILD_TESTS=OFF
                 -D CMAKE_DISABLE_FIND_PACKAGE_Torch=ON -D CMAKE_DISABLE_FIND_PACKAGE_Curses=ON
                 -D CMAKE_DISABLE_FIND_PACKAGE_GTest=ON
                 -D EDL_MICROHTTPD_INCLUDE_DIR=NOTFOUND -D EDL_PROMETHEUS_INCLUDE_DIR=NOTFOUND)
set_tests_properties(install.SmallestConfigures PROPERTIES LABELS install)

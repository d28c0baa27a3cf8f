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
  edl_install_test(CoreAfterPyTorch ARGUMENTS -D WITH_TESTING=ON -D PYTORCH_FIRST=ON)
  if(TARGET edl_torch)
    edl_install_test(Torch ARGUMENTS -D WITH_TESTING=ON -D WITH_TORCH=ON)
  endif()
endif()

# The smallest build configures where nothing is that it can do without.
add_test(NAME install.SmallestConfigures
         COMMAND ${CMAKE_COMMAND} -D SOURCE_DIR=${PROJECT_SOURCE_DIR}
                 -D WORK_DIR=${CMAKE_CURRENT_BINARY_DIR}/install/smallest -D CXX_COMPILER=${CMAKE_CXX_COMPILER}
                 -P ${CMAKE_CURRENT_LIST_DIR}/smallest.cmake)
set_tests_properties(install.SmallestConfigures PROPERTIES LABELS install)

# SPDX-License-Identifier: Apache-2.0
# What every target of this project has in common.

function(edl_target_settings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra $<$<BOOL:${EDL_WERROR}>:-Werror>
                                           $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
  if(EDL_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${EDL_SANITIZE} -fno-sanitize-recover=all
                                             -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${EDL_SANITIZE})
  endif()
endfunction()

# edl_library(NAME SOURCES…): a library of the package, edl::NAME in and outside of this build.
function(edl_library target export_name)
  add_library(${target} ${ARGN})
  add_library(edl::${export_name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${export_name})
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                              $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
                                       PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_features(${target} PUBLIC cxx_std_17)
  edl_target_settings(${target})
endfunction()

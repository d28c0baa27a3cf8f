# SPDX-License-Identifier: Apache-2.0
# What every target of this project has in common.

function(edl_target_settings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra $<$<BOOL:${EDL_WERROR}>:-Werror>
                                           $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
  if(EDL_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${EDL_SANITIZE} -fno-sanitize-recover=all
                                             -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${EDL_SANITIZE})
    # Some of Protobuf's and Abseil's headers lay classes out in another way when they see ThreadSanitizer, unlike the
    # libraries that come with them. libstdc++'s do not, and have to know.
    if(EDL_SANITIZE STREQUAL "thread")
      target_compile_options(${target} PRIVATE -U__SANITIZE_THREAD__ -D_GLIBCXX_TSAN=1)
    endif()
  endif()
endfunction()

# Protobuf, and not what libtorch has of it: as PyTorch ships it, it holds the headers of the one that it was built
# with, and CMAKE_PREFIX_PATH, by which it is usually found, would lead to them first.
function(edl_find_protobuf)
  string(REPLACE ":" ";" from_environment "$ENV{CMAKE_PREFIX_PATH}")
  foreach(prefix IN LISTS CMAKE_PREFIX_PATH from_environment)
    if(EXISTS ${prefix}/share/cmake/Torch/TorchConfig.cmake AND NOT EXISTS ${prefix}/lib/libprotobuf.so)
      list(APPEND CMAKE_IGNORE_PREFIX_PATH ${prefix})
    endif()
  endforeach()
  find_package(Protobuf REQUIRED)
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

# edl_grpc_doors(SOURCES…): files of the calling folder that are made of gRPC's headers. gRPC comes uninstrumented, so
# ThreadSanitizer cannot see how it hands its own objects from thread to thread; the part of it that its headers put
# into our files would be reported at every call. What such a file hands on to the rest of us goes through locks, which
# ThreadSanitizer sees whoever takes them, so all that lies behind the doors is checked.
function(edl_grpc_doors)
  if(EDL_SANITIZE STREQUAL "thread")
    set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS -fno-sanitize=thread)
  endif()
endfunction()

# edl_precompile(TARGET HEADERS_OF): the headers that cost most are parsed once for all targets that say so. HEADERS_OF
# is "torch" (libtorch's) or "gmock" (what every test includes). They are other projects' alone: ours would be parsed
# again at each edit, and for all.
function(edl_precompile target headers_of)
  set(headers_torch <torch/torch.h> <torch/script.h>)
  set(headers_gmock <gmock/gmock.h> <absl/status/statusor.h> <algorithm> <atomic> <chrono> <filesystem> <functional>
                    <map> <memory> <string> <thread> <vector>)
  set(precompiled edl_precompiled_${headers_of})
  if(NOT TARGET ${precompiled})
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/empty.cc CONTENT "")
    add_library(${precompiled} OBJECT ${PROJECT_BINARY_DIR}/empty.cc)
    if(headers_of STREQUAL "torch")
      target_link_libraries(${precompiled} PRIVATE torch)
    else()
      target_link_libraries(${precompiled} PRIVATE GTest::gmock absl::statusor)
    endif()
    target_compile_options(${precompiled} PRIVATE -pthread)
    target_precompile_headers(${precompiled} PRIVATE ${headers_${headers_of}})
    edl_target_settings(${precompiled})
  endif()
  target_compile_options(${target} PRIVATE -pthread)  # GoogleTest's users have it anyway
  target_precompile_headers(${target} REUSE_FROM ${precompiled})
endfunction()

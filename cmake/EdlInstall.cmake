# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where: find_package(edl) then gives edl::edl, edl::metrics, edl::serving and edl::testing,
# and with COMPONENTS torch also edl::torch. Two sets of targets: only who asks for that component needs libtorch.
# What a build does not have (EDL_BUILD_TORCH=OFF, say) is left out.
include(CMakePackageConfigHelpers)

set(edl_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/edl)

# edl_install_target(TARGET EXPORT_SET): nothing when this build does not have the target.
function(edl_install_target target export_set)
  if(NOT TARGET ${target})
    return()
  endif()
  # What is installed together finds each other wherever the prefix is.
  set_target_properties(${target} PROPERTIES VERSION ${PROJECT_VERSION}
                                             SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
                                             INSTALL_RPATH $ORIGIN)
  install(TARGETS ${target} EXPORT ${export_set}
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

edl_install_target(edl edlTargets)
edl_install_target(edl_metrics edlTargets)
edl_install_target(edl_serving edlTargets)
edl_install_target(edl_testing edlTargets)
edl_install_target(edl_torch edlTorchTargets)

install(EXPORT edlTargets NAMESPACE edl:: DESTINATION ${edl_package_dir})
install(DIRECTORY include/edl DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h"
        PATTERN testing EXCLUDE PATTERN torch EXCLUDE PATTERN metrics.h EXCLUDE)
if(TARGET edl_metrics)
  install(FILES include/edl/metrics.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/edl)
endif()
if(TARGET edl_testing)
  install(DIRECTORY include/edl/testing DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/edl FILES_MATCHING PATTERN "*.h")
endif()
if(TARGET edl_torch)
  install(EXPORT edlTorchTargets NAMESPACE edl:: DESTINATION ${edl_package_dir})
  install(DIRECTORY include/edl/torch DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/edl FILES_MATCHING PATTERN "*.h")
endif()
install(TARGETS edl-register edl-trace-svg RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET edl-top)
  install(TARGETS edl-top RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(TARGET edl-teacher)
  set_target_properties(edl-teacher PROPERTIES INSTALL_RPATH $ORIGIN/../${CMAKE_INSTALL_LIBDIR})
  install(TARGETS edl-teacher RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/edlConfig.cmake.in ${PROJECT_BINARY_DIR}/edlConfig.cmake
                              INSTALL_DESTINATION ${edl_package_dir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/edlConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/edlConfig.cmake ${PROJECT_BINARY_DIR}/edlConfigVersion.cmake
        DESTINATION ${edl_package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

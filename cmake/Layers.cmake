# One static library per folder of src/. What a folder may see is what it names here: the include
# path of a library holds only its own headers (through a link below build/include) and those of
# its dependencies, so an #include against the direction of the data does not compile.
#
# Most of the compile time is the standard library's and fmt's headers, so all libraries share one
# precompiled header. It only saves time: with PGSTRATA_PCH=OFF (preset clang, which clang-tidy reads) every
# file must compile by its own includes.
option(PGSTRATA_PCH "Share a precompiled header of standard headers" ON)

function(pgstrata_precompile name)
  if(NOT PGSTRATA_PCH)
    return()
  endif()
  if(name STREQUAL core)
    target_precompile_headers(core PRIVATE
      <algorithm> <cstdint> <functional> <map> <memory> <optional> <span> <string> <string_view> <utility>
      <variant> <vector> <fmt/format.h> <tl/expected.hpp>)
  else()
    target_precompile_headers(${name} REUSE_FROM core)
  endif()
endfunction()

function(pgstrata_library name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  set(dir ${CMAKE_CURRENT_SOURCE_DIR}/${name})
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cc)
  file(GLOB headers CONFIGURE_DEPENDS ${dir}/*.h)
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$|/fake_[^/]*\\.cc$")
  set(include ${CMAKE_BINARY_DIR}/include/${name})
  file(MAKE_DIRECTORY ${include})
  file(CREATE_LINK ${dir} ${include}/${name} SYMBOLIC)
  if(sources)
    add_library(${name} STATIC ${sources} ${headers})
    set(scope PUBLIC)
    target_link_libraries(${name} PRIVATE pgstrata_warnings)
    pgstrata_precompile(${name})
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${name} ${scope} ${include})
  target_link_libraries(${name} ${scope} ${ARG_DEPS} ${ARG_LIBS})

  file(GLOB tests CONFIGURE_DEPENDS ${dir}/*_test.cc)
  if(PGSTRATA_TESTS AND tests)
    find_package(GTest REQUIRED)
    include(GoogleTest)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${name} pgstrata_warnings GTest::gmock GTest::gtest_main)
    # Tests compile faster with -O1, and run the libraries as they ship in whatever preset.
    target_compile_options(${name}_test PRIVATE -O1)
    if(PGSTRATA_PCH AND NOT TARGET test_headers)
      file(WRITE ${CMAKE_BINARY_DIR}/test_headers.cc "")
      add_library(test_headers STATIC ${CMAKE_BINARY_DIR}/test_headers.cc)
      target_link_libraries(test_headers PRIVATE core pgstrata_warnings GTest::gmock)
      target_compile_options(test_headers PRIVATE -O1)
      target_precompile_headers(test_headers PRIVATE
        <gtest/gtest.h> <gmock/gmock.h> <fmt/format.h> <tl/expected.hpp>)
    endif()
    if(PGSTRATA_PCH)
      target_precompile_headers(${name}_test REUSE_FROM test_headers)
    endif()
    add_test(NAME ${name} COMMAND ${name}_test)
  endif()
endfunction()

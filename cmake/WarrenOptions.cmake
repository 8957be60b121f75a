# What every target is compiled with. One interface target, no global flags.
set(WARREN_SANITIZE "" CACHE STRING "Value of -fsanitize= for the whole tree, for example address,undefined")
option(WARREN_FUZZ "Build the fuzz targets with libFuzzer; otherwise they replay their corpus" OFF)
option(WARREN_COVERAGE "Instrument for source-based coverage" OFF)
set(WARREN_FUZZ_SECONDS 20 CACHE STRING "How long ctest runs each fuzz target")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

add_library(warren_options INTERFACE)
target_compile_options(warren_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wthread-safety -Werror
  -Xclang -fno-pch-timestamp) # without it ccache can't cache a build with precompiled headers
target_link_options(warren_options INTERFACE -fuse-ld=lld)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  # What nobody calls is left out, function by function: a daemon's resident pages are a promise of ours.
  target_compile_options(warren_options INTERFACE -O2 -fstack-protector-strong -ffunction-sections -fdata-sections)
  target_link_options(warren_options INTERFACE LINKER:--gc-sections LINKER:--as-needed)
  target_compile_definitions(warren_options INTERFACE _FORTIFY_SOURCE=2)
endif()
if(WARREN_SANITIZE)
  target_compile_options(warren_options INTERFACE
    -fsanitize=${WARREN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1)
  target_link_options(warren_options INTERFACE -fsanitize=${WARREN_SANITIZE})
endif()
if(WARREN_FUZZ)
  target_compile_options(warren_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(WARREN_COVERAGE)
  target_compile_options(warren_options INTERFACE -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(warren_options INTERFACE -fprofile-instr-generate)
endif()
target_include_directories(warren_options INTERFACE ${CMAKE_SOURCE_DIR}/src)

find_program(WARREN_CCACHE ccache)
if(WARREN_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${WARREN_CCACHE})
endif()

find_package(Threads REQUIRED)

# The precompiled headers: one set for the product, one for tests.
file(WRITE ${CMAKE_BINARY_DIR}/empty.cc "")
add_library(warren_pch OBJECT ${CMAKE_BINARY_DIR}/empty.cc)
target_link_libraries(warren_pch PRIVATE warren_options)
target_precompile_headers(warren_pch PRIVATE
  <algorithm> <array> <atomic> <chrono> <cstdint> <cstring> <expected> <functional> <memory> <optional> <span>
  <string> <string_view> <unordered_map> <utility> <variant> <vector>)
if(BUILD_TESTING)
  find_package(GTest REQUIRED)
  add_library(warren_test_pch OBJECT ${CMAKE_BINARY_DIR}/empty.cc)
  target_link_libraries(warren_test_pch PRIVATE warren_options GTest::gtest GTest::gmock)
  target_precompile_headers(warren_test_pch PRIVATE
    <algorithm> <array> <chrono> <cstdint> <cstring> <expected> <memory> <optional> <span> <string> <string_view>
    <variant> <vector> <gmock/gmock.h> <gtest/gtest.h>)
endif()

# Libraries are linked statically: the hot path is a few milliseconds, and a dynamic loader
# that maps a dozen libraries would be most of it. libc, libstdc++ and fmt stay dynamic.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_path(TL_EXPECTED_INCLUDE tl/expected.hpp REQUIRED)
find_path(TOMLPLUSPLUS_INCLUDE toml++/toml.h REQUIRED)

function(pgstrata_static_library name)
  foreach(candidate ${ARGN})
    find_library(PGSTRATA_LIB_${candidate} NAMES lib${candidate}.a REQUIRED)
    list(APPEND files ${PGSTRATA_LIB_${candidate}})
  endforeach()
  add_library(${name} INTERFACE)
  target_link_libraries(${name} INTERFACE ${files})
endfunction()

pgstrata_static_library(dep_crypto crypto)
pgstrata_static_library(dep_sqlite sqlite3)
pgstrata_static_library(dep_zlib z)
pgstrata_static_library(dep_deflate deflate)
pgstrata_static_library(dep_zstd zstd)
pgstrata_static_library(dep_seccomp seccomp)
pgstrata_static_library(dep_fuse fuse3)
# Only the members for tar and its filters are pulled out of the archive; xml, nettle and acl stay behind.
pgstrata_static_library(dep_archive archive z bz2 lzma zstd lz4 acl)

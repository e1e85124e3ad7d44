# Warnings are errors, and the set is one that g++ 12 and clang 14 share.
# Statement expressions carry the TRY macros (core/result.h), so -Wpedantic is not used.
add_library(pgstrata_warnings INTERFACE)
target_compile_options(pgstrata_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -Wcast-qual -Wformat=2 -Wimplicit-fallthrough -Wnull-dereference -Werror
  # Designated initialisers leave fields to their defaults on purpose.
  -Wno-missing-field-initializers
  $<$<CXX_COMPILER_ID:Clang>:-Wno-gnu-statement-expression -Wthread-safety>
  # g++ 12 reports null dereferences, overlapping copies and overflows inside libstdc++ at -O2 that aren't there.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-null-dereference -Wno-maybe-uninitialized -Wno-restrict
    -Wno-stringop-overflow -Wno-array-bounds>)

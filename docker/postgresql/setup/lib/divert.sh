# shellcheck shell=bash
# Work of package scripts that this image does otherwise, or not at all.

# with_stub FILE COMMAND...: runs COMMAND while FILE is an executable that does nothing. A package that ships FILE has it
# at its place afterwards.
with_stub() {
  local file=$1
  shift
  dpkg-divert --quiet --local --no-rename --divert "$file.packaged" --add "$file"
  mkdir -p "${file%/*}"
  printf '#!/bin/sh\n' >"$file"
  chmod 755 "$file"
  "$@"
  rm "$file"
  dpkg-divert --quiet --local --rename --divert "$file.packaged" --remove "$file"
}

# install_without_bytecode NAME...: compiling every module of Python takes longer than installing it.
install_without_bytecode() {
  with_stub /usr/bin/py3compile with_stub "/usr/lib/$PYTHON/py_compile.py" install_packages "$@"
}

# compile_imported MODULE...: compiles MODULE and whatever it imports, and nothing else. The same bytes each time: the
# order of hashes is fixed, and the times that Python notes are those of the packages' own files.
compile_imported() {
  PYTHONHASHSEED=0 python3 -c 'import importlib, sys
for name in sys.argv[1:]: importlib.import_module(name)' "$@"
}

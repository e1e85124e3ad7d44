# The cases of each file, against what BuildKit made of them. README.md says how that was recorded.
bats_require_minimum_version 1.5.0

check() { "$BATS_TEST_DIRNAME/conformance" check "${PGSTRATA:-$BATS_TEST_DIRNAME/../../build/release/src/pgstrata}" "$1/"; }

@test "COPY as BuildKit" { check copy; }
@test "ADD as BuildKit" { check add; }
@test "RUN as BuildKit" { check run; }
@test "stages as BuildKit" { check stages; }
@test "configuration as BuildKit" { check config; }
@test "expansion as BuildKit" { check expansion; }
@test "lines, directives and options as BuildKit" { check syntax; }
@test ".dockerignore as BuildKit" { check ignore; }
@test "archives as BuildKit" { check archive; }
@test "arguments as BuildKit" { check arguments; }
@test "heredocs as BuildKit" { check heredoc; }
@test "more of .dockerignore as BuildKit" { check ignored; }
@test "more configuration as BuildKit" { check instructions; }
@test "more lines and flags as BuildKit" { check lines; }
@test "--link as BuildKit" { check link; }
@test "--mount as BuildKit" { check mount; }
@test "ONBUILD as BuildKit" { check onbuild; }
@test "--chown and --chmod as BuildKit" { check owner; }
@test "--exclude and --parents as BuildKit" { check select; }
@test "more sources and destinations as BuildKit" { check sources; }
@test "what crosses borders as BuildKit" { check tricky; }

@test "every case has a stored result, and every result a case" {
  run -0 "$BATS_TEST_DIRNAME/conformance" names
  [ "$output" = "$(cd "$BATS_TEST_DIRNAME/expected" && printf '%s\n' *.json | LC_ALL=C sort)" ]
}

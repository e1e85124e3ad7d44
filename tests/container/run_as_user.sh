#!/bin/sh
# Runs container.bats as a plain user with subordinate ids. Usage: run_as_user.sh USER PROGRAM
set -eu
user=$1
program=$(readlink -f "$2")
tests=$(readlink -f "$(dirname "$0")/container.bats")
exec su "$user" -c "PGSTRATA='$program' bats '$tests'"

# shellcheck shell=bash
# Citus: a cluster of PostgreSQL servers as one. pg-entrypoint puts it first among the preloaded libraries.

use_repository citus 500 "${CITUS_PACKAGES[@]%%=*}"
install_packages "${CITUS_PACKAGES[@]}"

# shellcheck shell=bash
# pgBackRest.

install_packages "${PGBACKREST_PACKAGES[@]}"

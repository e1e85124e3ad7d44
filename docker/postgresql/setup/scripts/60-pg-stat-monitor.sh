# shellcheck shell=bash
# Percona's statistics of queries. It runs in anybody's server: nothing else is taken from its repository.

use_repository percona 500 "${PG_STAT_MONITOR_PACKAGES[@]%%=*}"
install_packages "${PG_STAT_MONITOR_PACKAGES[@]}"

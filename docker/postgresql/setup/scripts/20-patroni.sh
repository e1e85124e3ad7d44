# shellcheck shell=bash
# Patroni and its client for etcd.

install_without_bytecode "${PATRONI_PACKAGES[@]}"
compile_imported patroni.__main__ patroni.ctl patroni.dcs.etcd3 patroni.dcs.etcd patroni.daemon patroni.api

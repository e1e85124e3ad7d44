# shellcheck shell=bash
# The logical decoding plug-in of Debezium.

install_packages "${DECODERBUFS_PACKAGES[@]}"

# Minor versions from 2026 on let clients name only listed plug-ins; older ones refuse to start on the unknown setting.
allowed=$("/usr/lib/postgresql/$PG_MAJOR/bin/postgres" --describe-config | awk -F '\t' '$1 == "output_plugin_libraries" { print $5 }')
if [[ -n $allowed ]]; then
  echo "output_plugin_libraries = '$allowed, decoderbufs'" >/opt/container/postgresql.conf.d/decoderbufs.conf
fi

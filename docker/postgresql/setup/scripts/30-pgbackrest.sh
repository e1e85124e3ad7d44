# shellcheck shell=bash
# pgBackRest, and the folder of a repository on a volume.

install_packages "${PGBACKREST_PACKAGES[@]}"

# Group 0 may write too: a container with an unknown user id is in that group.
install -d -o postgres -g root -m 0770 /var/lib/pgbackrest

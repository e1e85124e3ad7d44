# shellcheck shell=bash
# PostgreSQL, its user, and its folders. The package must not make a cluster: that is done at the first start.

# The ids that the best known image has: volumes can change hands without a chown.
groupadd --system --gid 999 postgres
useradd --system --uid 999 --gid postgres --home-dir /var/lib/postgresql --shell /bin/bash postgres

mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf

# A private key that every container of this image would share is none: the package ssl-cert makes no pair here.
with_stub /usr/sbin/make-ssl-cert install_packages "${POSTGRESQL_PACKAGES[@]}"

# Manual pages that dpkg can't leave out, as their alternatives are registered at install; which ones is the package's matter.
for page in psql.1.gz postmaster.1.gz; do
  if update-alternatives --query "$page" >/dev/null 2>&1; then
    update-alternatives --quiet --remove-all "$page"
  fi
done
rm -rf "/usr/share/postgresql/$PG_MAJOR/man"

# Group 0 may write too: a container with an unknown user id is in that group.
install -d -o postgres -g root -m 0775 /usr/local/pgsql /usr/local/pgsql/config /run/postgresql
install -d -o postgres -g root -m 0700 /usr/local/pgsql/data
install -d -m 0755 /docker-entrypoint-initdb.d

# Settings that an installed component needs; the rendered postgresql.conf includes this folder.
install -d -m 0755 /opt/container/postgresql.conf.d

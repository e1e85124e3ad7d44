# shellcheck shell=bash
# postgresql.conf, pg_hba.conf and pg_ident.conf in PGCONFIG, from the variables of this start.
# shellcheck disable=SC2034 # the variables are read by the templates

mkdir -p "$PGCONFIG/conf.d" 2>/dev/null || true
if [[ ! -d $PGCONFIG/conf.d || ! -w $PGCONFIG ]]; then
  die "PGCONFIG $PGCONFIG can't be written by user id $(id -u); mount a volume or a tmpfs there that it may write"
fi

CONFIG_FOLDER=$(conf_quote "$PGCONFIG")
SOCKET_FOLDER=$(conf_quote "$PGHOST")
LISTEN_ADDRESSES=$(conf_quote "$POSTGRESQL_LISTEN_ADDRESSES")
SUPERUSER=$(hba_quote "$POSTGRES_USER")
AUTH_METHOD=$EXTERNAL_ACCESS_METHOD

# In the container the user of the server is the superuser; a user id without a name can't prove who it is.
if [[ $AUTH_METHOD == trust ]]; then
  LOCAL_SUPERUSER_METHOD=trust LOCAL_METHOD=trust
else
  LOCAL_SUPERUSER_METHOD='peer map=container' LOCAL_METHOD=scram-sha-256
  user_is_known || LOCAL_SUPERUSER_METHOD=scram-sha-256
fi
OS_USER=$(id -un 2>/dev/null || id -u)

if [[ $EXTERNAL_ACCESS_ENABLE == true ]]; then
  EXTERNAL_LINES="host    all             all             all             $AUTH_METHOD
host    replication     all             all             $AUTH_METHOD"
else
  EXTERNAL_LINES='# EXTERNAL_ACCESS_ENABLE is false: nobody from outside of the container.'
fi

for name in postgresql.conf pg_hba.conf pg_ident.conf; do install_config "$name"; done

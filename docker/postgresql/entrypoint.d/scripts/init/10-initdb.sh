# shellcheck shell=bash
# A new cluster: made in the staging folder, then moved to its place by renames.

arguments=(
  --pgdata="$PGDATA_STAGING" --username="$POSTGRES_USER" --encoding=UTF8 --data-checksums --no-sync --no-instructions
  --auth-local=peer
)
if [[ -n ${POSTGRES_PASSWORD_FILE:-} ]]; then
  arguments+=(--auth-host=scram-sha-256 --pwfile="$POSTGRES_PASSWORD_FILE")
else
  arguments+=(--auth-host=reject)
fi

# Words and quotes as in a shell, but nothing is executed.
own_arguments=()
if [[ -n ${POSTGRES_INITDB_ARGS:-} ]]; then
  words=$(xargs -n 1 printf '%s\n' <<<"$POSTGRES_INITDB_ARGS") ||
    die "POSTGRES_INITDB_ARGS='$POSTGRES_INITDB_ARGS' has an unclosed quote"
  mapfile -t own_arguments <<<"$words"
fi

log_info "initdb for the superuser $POSTGRES_USER"
with_user_name initdb "${arguments[@]}" "${own_arguments[@]}" >/dev/null
mv "$PGDATA_STAGING"/* "$PGDATA"/

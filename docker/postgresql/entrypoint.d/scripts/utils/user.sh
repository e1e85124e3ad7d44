# shellcheck shell=bash
# The user id that the container runs as may be one that /etc/passwd doesn't know (--user 12345).

user_is_known() { getent passwd "$(id -u)" >/dev/null; }

# with_user_name COMMAND...: initdb insists on a name for its user id; an unknown id gets the name `postgres` for the
# length of one command.
with_user_name() {
  if user_is_known; then
    "$@"
    return
  fi
  local wrapper folder status=0
  wrapper=$(find /usr/lib -name 'libnss_wrapper.so' -print -quit)
  [[ -n $wrapper ]] || die "user id $(id -u) has no name in /etc/passwd and libnss_wrapper is not installed"
  folder=$(mktemp -d)
  echo "postgres:x:$(id -u):$(id -g):PostgreSQL:$PGDATA:/bin/false" >"$folder/passwd"
  echo "postgres:x:$(id -g):" >"$folder/group"
  LD_PRELOAD=$wrapper NSS_WRAPPER_PASSWD=$folder/passwd NSS_WRAPPER_GROUP=$folder/group "$@" || status=$?
  rm -rf "$folder"
  return "$status"
}

# shellcheck shell=bash
# Secrets in scripts of your own.

# read_secret NAME: prints the value of NAME, or of the file that NAME_FILE names, or of a mounted secret of that name.
# Nothing of it is exported or logged. Ends the script if there is none.
read_secret() {
  local name=$1 file_name=$1_FILE file
  if [[ -n ${!name:-} ]]; then
    printf '%s' "${!name}"
    return
  fi
  for file in "${!file_name:-}" "${SECRETS_DIR:-/run/secrets}/$name" "${SECRETS_DIR:-/run/secrets}/${name,,}"; do
    [[ -n $file && -r $file ]] || continue
    printf '%s' "$(<"$file")"
    return
  done
  die "there is no secret $name; set $file_name to the file that holds it"
}

# close_password: for what goes on running in the background. The superuser's password is an open file in memory.
close_password() {
  local descriptor=${POSTGRES_PASSWORD_FILE:-}
  unset POSTGRES_PASSWORD_FILE
  descriptor=${descriptor##*/}
  if [[ -n $descriptor ]]; then exec {descriptor}<&-; fi
}

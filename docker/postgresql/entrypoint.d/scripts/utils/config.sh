# shellcheck shell=bash
# Configuration files from templates.

# render_template FILE: prints FILE with each @NAME@ replaced by the variable NAME. A variable that isn't set is an
# error: a configuration with a hole in it must never reach the server.
render_template() {
  local template=$1 text name rendered=
  text=$(<"$template")
  while [[ $text =~ @([A-Z][A-Z0-9_]*)@ ]]; do
    name=${BASH_REMATCH[1]}
    [[ -v $name ]] || die "template $template wants the variable $name, which is not set"
    rendered+=${text%%"@$name@"*}${!name}
    text=${text#*"@$name@"}
  done
  printf '%s\n' "$rendered$text"
}

# install_config NAME: renders config/NAME.template to $PGCONFIG/NAME, complete or not at all. A file that a person put
# there (without our first line) is left alone.
install_config() {
  local name=$1 target=$PGCONFIG/$1 first=
  local mark='# Rendered at each start'
  if [[ -e $target ]]; then
    IFS= read -r first <"$target" || true
    if [[ $first != "$mark"* ]]; then
      log_info "keeping $target, which was not made by this image"
      return 0
    fi
  fi
  render_template "$CONTAINER_HOME/config/$name.template" >"$target.new"
  mv -f "$target.new" "$target"
}

# A value inside of single quotes in postgresql.conf, and inside of double quotes in pg_hba.conf and pg_ident.conf.
conf_quote() { printf '%s' "${1//\'/\'\'}"; }
hba_quote() { printf '%s' "${1//\"/\"\"}"; }

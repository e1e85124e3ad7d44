# A web server on loopback for each test of the files that load it after helper.bash.
# shellcheck shell=bash disable=SC2034,SC2154

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

eval "plain_$(declare -f setup)"
eval "plain_$(declare -f teardown)"
setup() {
  plain_setup
  serve
}
teardown() {
  stop_serving
  plain_teardown
}

# Serves $T/www at $WEB; what was asked is in $T/requests.
serve() {
  mkdir -p "$T/www"
  : >"$T/requests"
  python3 "$HERE/web_server.py" "$T/www" "$T/requests" "$T/port" 3>&- &
  WEB_PID=$!
  wait_until test -e "$T/port"
  WEB=http://127.0.0.1:$(cat "$T/port")
}

stop_serving() { [ -z "${WEB_PID:-}" ] || { kill "$WEB_PID"; wait "$WEB_PID" 2>/dev/null || true; WEB_PID=; }; }

# The lines of requests since the last call.
asked() {
  cat "$T/requests"
  : >"$T/requests"
}

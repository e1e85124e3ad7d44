# Debian's docker-registry, or one that lies, on loopback; stopped after each test of the files that load this after
# helper.bash.
# shellcheck shell=bash disable=SC2034,SC2154

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

eval "plain_$(declare -f setup)"
eval "plain_$(declare -f teardown)"
setup() {
  plain_setup
  SERVERS=()
  # The log-ins, mirrors and certificates of who runs the tests are none of their business.
  export DOCKER_CONFIG="$T/docker" CONTAINERS_REGISTRIES_CONF="$T/registries.conf" HOME="$T/home"
  mkdir "$DOCKER_CONFIG" "$HOME"
  : >"$CONTAINERS_REGISTRIES_CONF"
}
teardown() {
  local server
  for server in "${SERVERS[@]}"; do
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
  done
  plain_teardown
}

# A registry with its blobs in $T/registry at $REGISTRY. Further lines of its configuration from the arguments.
serve_registry() {
  serve registry "$@"
  REGISTRY=$(address_of registry)
}

# serve NAME [LINE…]: another one, with its blobs in $T/NAME. With $TLS, {certificate: …, key: …}, by TLS.
serve() {
  local name=$1
  shift
  cat >"$T/$name.yml" <<YAML
version: 0.1
log: {level: info, accesslog: {disabled: false}}
storage: {filesystem: {rootdirectory: $T/$name}, delete: {enabled: true}, cache: {blobdescriptor: inmemory}}
http: {addr: "127.0.0.1:0"${TLS:+, tls: $TLS}}
$(printf '%s\n' "$@")
YAML
  # skopeo would look for one below /run/containers, which a podman of root's may have closed to others.
  echo '{}' >"$T/auth.json"
  export REGISTRY_AUTH_FILE=$T/auth.json
  # To the registry itself REGISTRY_… are settings.
  env -u REGISTRY_AUTH_FILE docker-registry serve "$T/$name.yml" >"$T/$name.log" 2>&1 3>&- &
  SERVERS+=("$!")
  wait_until grep -q 'listening on 127' "$T/$name.log"
}
address_of() { sed -nE 's/.*listening on (127[0-9.:]+).*/\1/p' "$T/$1.log" | head -1; }

# requests [NAME]: what was asked of it since the last call: METHOD PATH STATUS.
declare -A SEEN
requests() {
  local name=${1:-registry}
  sed -nE 's/.*"(GET|HEAD|POST|PUT|PATCH|DELETE) ([^ "]+) HTTP[^"]*" ([0-9]+).*/\1 \2 \3/p' "$T/$name.log" |
    tail -n +$((${SEEN[$name]:-0} + 1)) | sed -E 's/[0-9a-f]{64}/HEX/g; s/[0-9a-f-]{36}/UUID/g; s/\?_state[^ ]*//'
  SEEN[$name]=$(grep -cE '"(GET|HEAD|POST|PUT|PATCH|DELETE) ' "$T/$name.log" || true)
}

# serve_liar [CERTIFICATE KEY]: a registry that lies, at $LIAR; what was asked of it is in $T/asked.
serve_liar() {
  : >"$T/asked"
  python3 "$HERE/lying_registry.py" "$T/asked" "$T/port" "$@" 3>&- &
  SERVERS+=("$!")
  wait_until test -e "$T/port"
  LIAR=127.0.0.1:$(cat "$T/port")
}

# build_push NAME [OPTION…]: builds the context, pushes it under that name only; what it says goes to $T/log.
build_push() {
  local name=$1
  shift
  "$PGSTRATA" build --progress plain --push -t "$name" --metadata-file "$T/metadata.json" "$@" "$T/context" >"$T/log" 2>&1 ||
    { cat "$T/log"; return 1; }
}

# The DiffIDs of an image of the store.
diff_ids() { "$PGSTRATA" inspect "$1" | jq -r '.[0].RootFS.Layers[]'; }
id_of() { "$PGSTRATA" inspect "$1" | jq -r '.[0].Id'; }

# interrupted COMMAND…: SIGINT once most of a large layer has come. Sets `code`; what it said is in $T/said.
arrived() { [ -n "$(find "$PGSTRATA_ROOT/tmp" -type f -size +1000k -print -quit 2>/dev/null)" ]; }
interrupted() {
  setsid env --default-signal=INT "$@" >"$T/said" 2>&1 &
  local started=$!
  wait_until arrived
  SECONDS=0
  kill -INT -- "-$started"
  code=0
  wait "$started" || code=$?
  [ "$SECONDS" -lt 10 ]
}

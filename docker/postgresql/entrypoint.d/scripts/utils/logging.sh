# shellcheck shell=bash
# Log lines in the shape of PostgreSQL's own, on stderr.

log_rank() {
  case ${1^^} in
    DEBUG) echo 0 ;;
    INFO) echo 1 ;;
    WARN | WARNING) echo 2 ;;
    *) echo 3 ;;
  esac
}

log_line() {
  local level=$1
  shift
  (($(log_rank "$level") >= $(log_rank "${LOG_LEVEL:-INFO}"))) || return 0
  local now=$EPOCHREALTIME
  TZ=UTC printf '%(%Y-%m-%d %H:%M:%S)T.%.3s UTC [%d] %s:  %s\n' "${now%[.,]*}" "${now#*[.,]}" "$BASHPID" "$level" "$*" >&2
}

log_debug() { log_line DEBUG "$@"; }
log_info() { log_line INFO "$@"; }
log_warning() { log_line WARNING "$@"; }
log_error() { log_line ERROR "$@"; }

# die MESSAGE: ends the script. The message names what, where, why and what to do next.
die() {
  log_error "$@"
  exit 1
}

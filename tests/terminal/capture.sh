#!/bin/bash
# Plays a build to the live display inside tmux and compares what a person would see with expected/*.txt.
# The expected screens are written by hand from the layout in src/progress/tty.h, not recorded.
# Usage: capture.sh REPLAY_PROGRAM. Exit 77: no tmux.
set -u
replay=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
command -v tmux >/dev/null || { echo "SKIP: tmux is not installed"; exit 77; }
export LC_ALL=C.UTF-8
work=$(mktemp -d)
failed=0

terminals=0
# A server of its own for each terminal: a new client of a server that is going down would be lost with it.
tmux_() { tmux -u -S "$work/tmux$terminals" -f /dev/null "$@"; }
# shellcheck disable=SC2317
cleanup() { tmux_ kill-server 2>/dev/null; rm -rf "$work"; }
trap cleanup EXIT

# start COLUMNS ROWS: a terminal with a prompt line, in which the display runs.
start() {
  rm -f "$work/in" "$work/out"
  mkfifo "$work/in" "$work/out"
  tmux_ kill-server 2>/dev/null
  terminals=$((terminals + 1))
  tmux_ new-session -d -x "$1" -y "$2" "echo '\$ pgstrata build .'; '$replay' <'$work/in' >'$work/out'; echo -n '\$ '; cat"
  tmux_ set-option -g status off >/dev/null
  tmux_ resize-window -x "$1" -y "$2"
  # Opened for both, so that neither waits for the other end.
  exec 3<>"$work/in" 4<>"$work/out"
}
send() { printf '%s\n' "$@" >&3; }
# Waits until the display has worked off all commands, and tmux has drawn what it wrote.
settle() {
  send sync
  read -r -t 30 _ <&4 || { echo "FAILED: no answer from $replay"; exit 1; }
  sleep 0.3
}
finish() { send quit; exec 3>&- 4<&-; sleep 0.3; }
# The last lines of the screen are those of expected/NAME.txt. (What stands above them after a resize is the
# terminal's business: tmux folds lines that no longer fit, and moves what is above into its history.)
expect() {
  local want="$here/expected/$1.txt"
  tmux_ capture-pane -p | sed -e 's/ *$//' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' | tail -n "$(wc -l <"$want")" >"$work/screen"
  if diff -u "$want" "$work/screen"; then
    echo "ok $1"
  else
    echo "FAILED $1"
    failed=1
  fi
}

first_half() {
  send "declare 0 [1/5] FROM debian:bookworm" "declare 1 [2/5] WORKDIR /src" "declare 2 [3/5] COPY . /src" \
    "declare 3 [4/5] RUN make -C a/rather/long/directory all install DESTDIR=/opt/somewhere" "declare 4 [other 2/2] RUN 日本語 build"
  send "finish 0 hit 0 same instruction and inputs" "finish 1 hit 0 same instruction and inputs"
  send "finish 2 ran 0.04 main.c changed" "start 3" "start 4"
  for i in 1 2 3 4 5 6 7; do send "output 3 cc -c file$i.c -o file$i.o -Wall -Wextra -Werror -O2 -g -I/usr/include/long"; done
  send "output 4 $(printf '\033[31m')構築 in colour$(printf '\033[0m')" "advance 0.2"
}

start 80 24
first_half; settle; expect running-80
tmux_ resize-window -x 40 -y 24; sleep 0.3
send "advance 0.1"; settle; expect resized-40
send "finish 4 rebased 0.3 it reads nothing that changed" "advance 0.1"; settle; expect next-40
tmux_ resize-window -x 80 -y 24; sleep 0.3
send "finish 3 ran 61.2 main.c changed" "end built 61.5"; settle; finish; expect built-80

start 40 24
first_half; settle; expect running-40
send "finish 3 failed 0.4" "finish 4 cancelled 0.3" "end failed 0.6"; settle; finish; expect failed-40

start 80 24
first_half; send restore; settle; finish; expect restored-80

start 80 24
send "declare 0 [1/1] COPY . /src" "finish 0 ran 0.003" "end built 0.008"; settle; finish; expect short-80

exit $failed

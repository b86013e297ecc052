# Shared by the scripts beside this file: output, and processes that are always stopped again.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TARGET_DIR=${CARGO_TARGET_DIR:-target}
[[ $TARGET_DIR == /* ]] || TARGET_DIR=$ROOT/$TARGET_DIR
RUN_DIR=                # data of this run, removed at the end
LOG_DIR=                # logs of this run, kept
GROUPS_STARTED=()       # process groups to stop, in the order they were started
LAST_GROUP=

say() { printf '%s\n' "$*"; }
heading() { printf '\n== %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# open_run NAME: a temporary folder for data, and an empty $TARGET_DIR/NAME for logs.
open_run() {
  RUN_DIR=$(mktemp -d "${TMPDIR:-/tmp}/vestibule.XXXXXX")
  LOG_DIR=$TARGET_DIR/$1
  rm -rf "$LOG_DIR"
  mkdir -p "$LOG_DIR"
}

# spawn LOG COMMAND...: starts a server in a process group of its own, so that Ctrl-C reaches only
# this script, which then stops the servers in order. Should the script itself be killed, they follow.
spawn() {
  local log=$1
  shift
  set -m
  setpriv --pdeathsig TERM -- "$@" </dev/null >>"$log" 2>&1 &
  set +m
  LAST_GROUP=$!
  GROUPS_STARTED+=("$LAST_GROUP")
}

group_lives() { kill -0 -- "-$1" 2>/dev/null; }

# stop_group ID: asks the process group to end, and makes it end after ten seconds.
stop_group() {
  local tries=100
  kill -TERM -- "-$1" 2>/dev/null || return 0
  while group_lives "$1" && ((tries-- > 0)); do sleep 0.1; done
  kill -KILL -- "-$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

# Stops what was started, newest first, and removes the run's data. For a trap on EXIT.
close_run() {
  local i
  for ((i = ${#GROUPS_STARTED[@]} - 1; i >= 0; i--)); do stop_group "${GROUPS_STARTED[i]}"; done
  GROUPS_STARTED=()
  if [[ -n $RUN_DIR ]]; then rm -rf "$RUN_DIR"; fi
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start_server NAME LAUNCH PROBE: calls `LAUNCH PORT` (which spawns), then `PROBE PORT` until it
# succeeds, 60 seconds at most. A server that ends at once may have lost its port to another
# process: it gets a new one, twice. Leaves the port in PORT.
start_server() {
  local name=$1 launch=$2 probe=$3 attempt deadline
  for attempt in 1 2 3; do
    PORT=$(free_port)
    "$launch" "$PORT"
    deadline=$((SECONDS + 60))
    while group_lives "$LAST_GROUP" && ((SECONDS < deadline)); do
      # The answer counts only from a server that is still ours.
      if "$probe" "$PORT" >/dev/null 2>&1 && group_lives "$LAST_GROUP"; then return 0; fi
      sleep 0.1
    done
    if group_lives "$LAST_GROUP"; then
      log_tails "$LOG_DIR"/*.log
      die "$name did not answer on port $PORT within 60 seconds"
    fi
    say "$name ended on port $PORT (attempt $attempt)"
  done
  log_tails "$LOG_DIR"/*.log
  die "$name could not be started"
}

# log_tails FILE...: prints the end of each that has something in it.
log_tails() {
  local log
  for log in "$@"; do
    [[ -s $log ]] || continue
    printf '\n-- end of %s\n' "$log"
    tail -n 20 "$log"
  done
}

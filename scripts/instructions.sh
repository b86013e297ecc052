#!/usr/bin/env bash
# Counts the instructions of one warm `me`, and fails when they are more than a tenth above what is written down in
# bench/instructions.txt. Counted by valgrind, which says the same each time, whatever else the machine does.
#
#   scripts/instructions.sh            check the build of the tests
#   scripts/instructions.sh --update   write down what is counted
#   scripts/instructions.sh BINARY     only print the count of this program (a build of bench/instructions.rs)
set -euo pipefail
# A part that fails in a substitution ends the whole.
shopt -s inherit_errexit

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

WRITTEN=bench/instructions.txt
FEW=100
MANY=400

# count BINARY REQUESTS: the instructions of a run with so many requests.
count() {
  local log
  log=$(mktemp)
  if ! valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null "$1" "$2" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    die "the program failed under valgrind"
  fi
  sed -n 's/.*I *refs: *//p' "$log" | tr -d ,
  rm -f "$log"
}

# one_me BINARY: what one request costs, by the difference of two runs.
one_me() {
  local few many
  few=$(count "$1" "$FEW")
  many=$(count "$1" "$MANY")
  echo $(((many - few) / (MANY - FEW)))
}

# built: the program as the tests build it.
built() {
  cargo test --all-features --bench instructions --no-run --message-format=json 2>/dev/null |
    python3 -c '
import json, sys
found = [json.loads(line) for line in sys.stdin if "\"executable\":\"" in line]
print([one["executable"] for one in found if one["target"]["name"] == "instructions"][-1])'
}

has valgrind || die "valgrind is missing (Debian: valgrind)"
if [[ ${1:-} != "" && ${1:-} != --update ]]; then
  found=$(one_me "$1")
  say "$found instructions"
  exit 0
fi
found=$(one_me "$(built)")
if [[ ${1:-} == --update ]]; then
  printf '%s\n' "$found" >"$WRITTEN"
  say "one warm me: $found instructions, written down"
  exit 0
fi
known=$(<"$WRITTEN")
say "one warm me: $found instructions in a debug build, $known written down"
if ((found * 10 > known * 11)); then
  die "more than a tenth above what is written down: find out why or, if it is worth it, scripts/instructions.sh --update"
fi
if ((found * 10 < known * 9)); then
  say "that is less than nine tenths: scripts/instructions.sh --update keeps it so"
fi

#!/usr/bin/env bash
# Runs each target of fuzz/ for some seconds, from its seeds. What they find on the way is in fuzz/corpus, an
# input that breaks something in fuzz/artifacts.
#
#   scripts/fuzz.sh SECONDS [TARGET...]
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../fuzz"
seconds=$1
shift
targets=("$@")
if ((${#targets[@]} == 0)); then targets=(tokens accounts headers limits); fi

# The code has no unsafe part of its own for a sanitiser to look at.
options=(--dev --sanitizer none)
cargo +nightly fuzz build "${options[@]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target"
  if ! cargo +nightly fuzz run "${options[@]}" "$target" "corpus/$target" "seeds/$target" -- \
    -max_total_time="$seconds" -max_len=4096 -timeout=5 -print_final_stats=1 >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "$target: an input breaks something; it is in fuzz/artifacts/$target" >&2
    exit 1
  fi
  echo "$target: $(grep -o 'number_of_executed_units: .*' "$log")"
done

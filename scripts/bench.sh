#!/usr/bin/env bash
# Builds everything with the profile of releases, starts what is needed, and measures: bench/README.md. Arguments go to
# bench/run.py, such as --quick or --only me,login.
set -euo pipefail

# shellcheck source=scripts/servers.sh
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"
cd "$ROOT"

trap 'restore_policy; close_run' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

open_run bench-logs
heading "build"
need_cargo
need_compiler
# executable NAME: the path of a benchmark, which is built.
executable() {
  cargo bench --profile dist --bench "$1" --no-run --message-format=json |
    python3 -c '
import json, sys
found = [json.loads(line).get("executable") for line in sys.stdin if "\"executable\":\"" in line]
print(found[-1])'
}
load=$(executable load)
ceilings=$(executable ceilings)
# As it is packaged; after the benchmarks, with which cargo builds the program otherwise.
cargo rustc --profile dist --bin vestibule -- -C link-arg=-Wl,-z,pack-relative-relocs
if need_node; then
  (cd bench/peers/node && npm ci --no-audit --no-fund >>"$LOG_DIR/install.txt" 2>&1) || say "the Node peers cannot be installed"
fi
heading "servers"
start_servers
heading "measuring"
python3 bench/run.py --service "$TARGET_DIR/dist/vestibule" --load "$load" --ceilings "$ceilings" "$@"

#!/usr/bin/env bash
# The whole truth: installs what is missing, starts the servers, runs every check and every test,
# and stops what it started. Logs of the servers stay in target/test-logs.
#
#   MONGODB_URL       use this MongoDB instead of one started here
#   CHROMIUM          use this browser for the browser test
set -euo pipefail

# shellcheck source=scripts/servers.sh
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"
cd "$ROOT"

CARGO_FUZZ_VERSION=0.13.2
HYPOTHESIS_VERSION=6.168.5      # later ones need Python 3.11
HYPOTHESIS_GRAPHQL_VERSION=0.13.5
HYPOTHESIS_VENV=$VENVS/hypothesis-graphql-$HYPOTHESIS_GRAPHQL_VERSION-$HYPOTHESIS_VERSION

UNDECIDED=75            # the status of a minute of faults that says nothing, since the machine was too busy
PASSED=()
FAILED=()
SKIPPED=()
CURRENT=preparation     # what is going on, for the summary of a run that ends early
STEP_GROUP=
WITH_WEB=

# step NAME COMMAND...: runs the command (a function too) in a process group of its own, so that
# nothing of it is left behind. A failure is noted and the next step runs.
step() {
  local name=$1 started=$SECONDS status=0
  shift
  CURRENT=$name
  heading "$name"
  set -m
  ("$@") </dev/null &
  set +m
  STEP_GROUP=$!
  wait "$STEP_GROUP" || status=$?
  stop_group "$STEP_GROUP"
  STEP_GROUP=
  CURRENT=
  if ((status == 0)); then
    PASSED+=("$name")
    say "-- $name: passed in $((SECONDS - started)) s"
  elif [[ $name == faults ]] && ((status == UNDECIDED)); then
    skip "$name" "this machine was too busy for it"
  else
    FAILED+=("$name")
    say "-- $name: FAILED with status $status in $((SECONDS - started)) s"
  fi
}

# skip NAME WHY
skip() {
  SKIPPED+=("$1")
  say "-- $1: not run ($2)"
}

on_exit() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  if [[ -n $STEP_GROUP ]]; then stop_group "$STEP_GROUP"; fi
  close_run
  restore_policy
  if [[ -n $CURRENT ]]; then FAILED+=("$CURRENT (ended early)"); fi
  summary
  if ((${#FAILED[@]} > 0 && status == 0)); then status=1; fi
  exit "$status"
}

# The last line is the verdict.
summary() {
  heading "summary ($SECONDS s)"
  if ((${#SKIPPED[@]} > 0)); then say "not run: $(join "${SKIPPED[@]}")"; fi
  if ((${#FAILED[@]} > 0)); then say "failed: $(join "${FAILED[@]}")"; fi
  say "steps: ${#PASSED[@]} passed, ${#FAILED[@]} failed, ${#SKIPPED[@]} skipped"
}

join() {
  local text
  printf -v text '%s, ' "$@"
  printf '%s' "${text%, }"
}

# Finds out whether the web part can run, before anything takes time. Node is optional: where neither
# the machine nor its distribution has one that is new enough, the summary names what was not run.
prepare_web() {
  if [[ ! -f web/package.json ]]; then
    say "web/ has no package.json: no web part to build or test"
  elif need_node; then
    need_chromium
    WITH_WEB=yes
  else
    say "NOT RUN: there is no Node $NODE_VERSION or later (node and npm), so the playground is neither built nor tested"
  fi
}

web_build() {
  cd web
  npm ci --no-audit --no-fund
  npm run build
}

# canaries: what no log line may have had of any service that a test or a step of this run has started. Mails of
# development are shown in full, on purpose, and are left out.
canaries() {
  local found logs
  mapfile -t logs < <(find "$VESTIBULE_TEST_LOGS" "$LOG_DIR"/{vestibule,fuzz,alerts}.log -name '*.log' -size +0 2>/dev/null)
  ((${#logs[@]} > 50)) || { echo "only ${#logs[@]} logs were kept"; return 1; }
  # Passwords of tests; tokens of sessions, mails, devices and services; hashes; addresses.
  found=$(grep -hE 'correct horse|v(rt|ot|dt|st)_[A-Za-z0-9_-]{20}|eyJ[A-Za-z0-9_-]{20}|\$2[aby]\$|[a-z0-9]@example\.(com|fr)' \
    "${logs[@]}" | grep -v 'mail; all are at /dev/mail' | cut -c1-300 | head -n 20 || true)
  if [[ -n $found ]]; then
    echo "secrets or addresses in logs:"
    echo "$found"
    return 1
  fi
  echo "nothing in ${#logs[@]} logs, $(cat "${logs[@]}" | wc -l) lines"
}

run_nextest() {
  local profile=()
  if [[ -n ${CI:-} ]] && grep -qs '^\[profile\.ci' .config/nextest.toml; then profile=(--profile ci); fi
  cargo nextest run --all-features --no-fail-fast ${profile[@]+"${profile[@]}"}
}

# optional_tool TOOL ARGUMENT...: runs `cargo TOOL`, where it is installed.
optional_tool() {
  local tool=$1
  if cargo "$tool" --version >/dev/null 2>&1; then
    step "$tool" cargo "$@"
  else
    skip "$tool" "cargo-$tool is not installed"
  fi
}

browser() {
  if [[ -z $WITH_WEB ]]; then
    skip browser "no Node or no web part"
    return
  fi
  need_binary browser
  start_server vestibule launch_vestibule probe_vestibule
  VESTIBULE_URL=http://127.0.0.1:$PORT step browser node web/e2e/playground.mjs
}

# clients NAME: what public client libraries make of the service. The script starts services of its own.
clients() {
  if [[ -z $WITH_WEB ]]; then
    skip "$1" "no Node or no web part"
    return
  fi
  VESTIBULE_BIN=$TARGET_DIR/debug/vestibule step "$1" node "web/e2e/$1.mjs"
}

console_unit() {
  cd web
  npm test
}

# What the link for Apollo Client does by itself, and with a service.
apollo_link() {
  local program
  program=$(realpath "$TARGET_DIR/debug/vestibule")
  cd clients/apollo-link
  npm ci --no-audit --no-fund
  npm run check
  VESTIBULE_BIN=$program timeout 240 npm run test:service
}

# How both schemas are written, and that no change breaks clients unannounced.
schema_checks() {
  cd scripts/schema
  npm ci --no-audit --no-fund
  npm test
}

# What code generators make of the schema, and what that makes of the service.
generated() {
  VENVS=$VENVS VESTIBULE_BIN=$(realpath "$TARGET_DIR/debug/vestibule") node clients/generated/run.mjs all
}

# The schema as a subgraph: composed, and behind a gateway.
federation() {
  local program
  program=$(realpath "$TARGET_DIR/debug/vestibule")
  cd clients/federation
  npm ci --no-audit --no-fund
  VESTIBULE_BIN=$program timeout 150 npm test
}

launch_watched() { launch_service alerts "$1" BCRYPT_COST=4 RATE_LIMITS=strength.address=1/1m; }

# Alerts, dashboard and documents name what a service really tells.
alerts() {
  need_binary alerts
  need_promtool
  start_server "vestibule for alerts" launch_watched probe_vestibule
  step alerts python3 deploy/prometheus/check.py "http://127.0.0.1:$PORT"
}

# What the service is shipped in. Its size is asked of a stripped build alone.
packaging() {
  need_binary packaging
  step packaging scripts/packaging.sh "$TARGET_DIR/debug/vestibule"
  skip "packaging: size" "it is asked of a stripped program: make packaging"
}

# What one warm request costs must not grow unnoticed.
instructions() {
  CURRENT=instructions
  has valgrind || apt_install "to count instructions" valgrind
  step instructions scripts/instructions.sh
}

# A minute of load on two nodes while what they depend on goes away. A machine too busy for its bounds in time gets
# another try; what was lost is a failure on any.
faults() {
  need_binary faults
  step faults minute_of_faults
}

minute_of_faults() {
  local try status=0
  for try in first second; do
    status=0
    python3 bench/faults.py --service "$TARGET_DIR/debug/vestibule" --logs "$LOG_DIR/faults/$try" || status=$?
    if ((status != UNDECIDED)); then break; fi
  done
  return "$status"
}

# Generated operations. The same ones each time: other seeds are for those who look for something.
fuzz() {
  need_binary fuzz
  install_venv "for generated operations" "$HYPOTHESIS_VENV" hypothesis_graphql \
    "hypothesis-graphql==$HYPOTHESIS_GRAPHQL_VERSION" "hypothesis==$HYPOTHESIS_VERSION"
  start_server "vestibule for fuzz" launch_fuzzed probe_vestibule
  step fuzz "$HYPOTHESIS_VENV/bin/python" scripts/schema_fuzz.py --url "http://127.0.0.1:$PORT/graphql" \
    --schema schema.graphql --examples 300 --seed 1 --seconds 40
}

# fuzz_targets: each target of fuzz/ for a moment, from its seeds.
fuzz_targets() {
  CURRENT=fuzz-targets
  if ! need_cargo_fuzz; then
    skip fuzz-targets "there is no nightly toolchain"
    return
  fi
  step fuzz-targets scripts/fuzz.sh 5
}

# cargo-fuzz, and the toolchain whose compiler instruments.
need_cargo_fuzz() {
  cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal || return 1
  cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked --version "$CARGO_FUZZ_VERSION"
}

# need_binary STEP: what the step `tests` has built. Nothing is left to do, unless that failed. No old
# binary is tested.
need_binary() {
  CURRENT=$1
  cargo test --all-features --no-run --quiet || die "$1: there is no binary to test"
}

launch_vestibule() { launch_service vestibule "$1"; }

launch_fuzzed() { launch_service fuzz "$1" BCRYPT_COST=4 RATE_LIMITS=off; }

# launch_service NAME PORT SETTING=VALUE...: nothing of the caller's environment, nor a .env file of
# this folder, gets in.
launch_service() {
  local name=$1 port=$2
  shift 2
  mkdir -p "$RUN_DIR/$name"
  spawn "$LOG_DIR/$name.log" env -i -C "$RUN_DIR/$name" PATH="$PATH" HOME="$RUN_DIR/$name" \
    DATABASE_URL="sqlite://$RUN_DIR/$name/$name.sqlite" \
    BIND_ADDR="127.0.0.1:$port" PUBLIC_URL="http://127.0.0.1:$port" "$@" \
    "$TARGET_DIR/debug/vestibule" serve
}

probe_vestibule() { curl --fail --silent --noproxy '*' --max-time 5 "http://127.0.0.1:$1/health/ready"; }

main() {
  trap on_exit EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  open_run test-logs
  export VESTIBULE_TEST_LOGS=$LOG_DIR/processes
  mkdir -p "$VESTIBULE_TEST_LOGS"
  heading "preparation"
  need_cargo
  need_compiler
  need_curl
  prepare_web
  CURRENT=servers
  heading "servers"
  start_servers
  CURRENT=

  if [[ -n $WITH_WEB ]]; then step web web_build; else skip web "no Node or no web part"; fi
  step fmt cargo fmt --all --check
  step clippy cargo clippy --all-targets --all-features -- -D warnings
  step tests run_nextest
  step doctests cargo test --doc --all-features
  optional_tool deny check bans licenses sources
  optional_tool machete
  browser
  clients tokens
  clients events
  clients avatars
  clients account
  clients audit
  local part
  for part in console_unit apollo_link schema_checks generated federation; do
    if [[ -n $WITH_WEB ]]; then step "${part/_/-}" "$part"; else skip "${part/_/-}" "no Node or no web part"; fi
  done
  clients console
  clients console-admin
  clients console-pages
  instructions
  alerts
  packaging
  faults
  fuzz
  fuzz_targets
  step canaries canaries
  if ((${#FAILED[@]} > 0)); then log_tails "$LOG_DIR"/*.log; fi
}

main "$@"

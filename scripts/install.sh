# Installs what a fresh Debian or Ubuntu machine lacks, and only that; each with a line.
# shellcheck shell=bash
# Needs lib.sh.

APT_UPDATED=
POLICY=/usr/sbin/policy-rc.d
POLICY_WRITTEN=

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# apt_prepare WHY PACKAGE...: can packages be installed? Brings the lists up to date, once a run.
apt_prepare() {
  local why=$1
  shift
  has apt-get || die "missing: $why. There is no apt-get here; install it by hand (Debian: $*)"
  ((EUID == 0)) || has sudo || die "missing: $why. Run as root or with sudo, or install: $*"
  [[ -z $APT_UPDATED ]] || return 0
  APT_UPDATED=yes
  as_root apt-get update -q >>"$LOG_DIR/install.txt" 2>&1 || say "apt-get update failed; going on with the lists there are"
}

# apt_install WHY PACKAGE...
apt_install() {
  apt_prepare "$@"
  local why=$1
  shift
  say "installing $* ($why)"
  if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    -o DPkg::Lock::Timeout=120 "$@" >>"$LOG_DIR/install.txt" 2>&1; then
    log_tails "$LOG_DIR/install.txt"
    die "could not install $* ($why)"
  fi
}

need_python() { has python3 || apt_install "Python, for free ports and probes" python3; }

need_venv() {
  python3 -c 'import ensurepip, venv' 2>/dev/null && return
  apt_install "virtual environments, for servers of the tests" python3-venv
  python3 -c 'import ensurepip, venv' 2>/dev/null || die "$(command -v python3) still cannot make a virtual environment"
}

need_openssl() { has openssl || apt_install "for the certificates of the tests" openssl; }

# Redis's package would start a system service: it is told not to, now and at the next boot.
need_redis() {
  if has redis-server && has redis-cli; then return; fi
  apt_prepare "Redis" redis-server
  if [[ ! -e $POLICY ]]; then
    POLICY_WRITTEN=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
  fi
  apt_install "Redis" redis-server
  restore_policy
  if [[ -d /run/systemd/system ]]; then as_root systemctl --quiet disable redis-server || true; fi
}

restore_policy() {
  if [[ -n $POLICY_WRITTEN ]]; then as_root rm -f "$POLICY"; fi
  POLICY_WRITTEN=
}

# aws-lc-sys and the bundled SQLite are compiled from C.
need_compiler() {
  if has cc && printf '#include <stdio.h>\n' | cc -E - >/dev/null 2>&1; then return; fi
  apt_install "a C compiler" gcc libc6-dev
}

# Vite needs this Node, or a later one.
NODE_VERSION=20.19

# Is there a Node that is new enough, or can the distribution give one? Fails where neither is so.
need_node() {
  if has_node; then return 0; fi
  if has node || ! has apt-get || { ((EUID != 0)) && ! has sudo; }; then return 1; fi
  apt_prepare "Node" nodejs npm
  local candidate
  candidate=$(LC_ALL=C apt-cache policy nodejs | sed -n 's/^ *Candidate: \([0-9.]*\).*/\1/p')
  at_least "${candidate:-0}" || return 1
  apt_install "for the playground" nodejs npm
  has_node
}

has_node() {
  if ! has node || ! has npm; then return 1; fi
  at_least "$(node --version | tr -d v)"
}

at_least() { [[ $(printf '%s\n' "$NODE_VERSION" "$1" | sort -V | head -n 1) == "$NODE_VERSION" ]]; }

need_curl() { has curl || apt_install "for the readiness of the service" curl ca-certificates; }

# Puts the browser's path into CHROMIUM, for the browser test; one that is set already stays.
need_chromium() {
  if [[ -n ${CHROMIUM:-} ]] || find_chromium; then return; fi
  # Ubuntu has Chromium only as a snap, behind the package chromium-browser.
  local package=chromium
  apt_prepare "Chromium" "$package"
  [[ $(LC_ALL=C apt-cache policy chromium) =~ 'Candidate: '[0-9] ]] || package=chromium-browser
  apt_install "for the playground's browser test" "$package"
  find_chromium || die "Chromium is missing: $package was installed, but it does not start; install Chromium or Google Chrome by hand"
}

find_chromium() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if has "$name" && "$name" --version >/dev/null 2>&1; then
      CHROMIUM=$(command -v "$name")
      export CHROMIUM
      return 0
    fi
  done
  return 1
}

need_promtool() {
  has promtool && return
  apt_prepare "Prometheus" prometheus
  # Only its tools are wanted: nothing is started.
  if [[ ! -e $POLICY ]]; then
    POLICY_WRITTEN=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
  fi
  apt_install "to check alerts" prometheus
  restore_policy
  if [[ -d /run/systemd/system ]]; then as_root systemctl --quiet disable prometheus || true; fi
}

need_cargo() {
  local bin=${CARGO_HOME:-$HOME/.cargo}/bin
  if ! has cargo && [[ -x $bin/cargo ]]; then export PATH=$bin:$PATH; fi
  has cargo || die "Rust is missing: install it with rustup (https://rustup.rs), then run this again"
  need_component fmt rustfmt
  need_component clippy clippy
  if ! cargo nextest --version >/dev/null 2>&1; then
    say "installing cargo-nextest (from source, some minutes)"
    # Its build is no part of the project's target folder.
    env -u CARGO_TARGET_DIR cargo install cargo-nextest --locked || die "could not install cargo-nextest"
  fi
}

# need_component SUBCOMMAND COMPONENT
need_component() {
  cargo "$1" --version >/dev/null 2>&1 && return
  has rustup || die "cargo $1 is missing: install Rust's component $2"
  say "installing Rust's component $2"
  rustup component add "$2" || die "could not install Rust's component $2"
}

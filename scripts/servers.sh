#!/usr/bin/env bash
# The servers that the tests talk to: MongoDB, a plain Redis, and a Redis with TLS and password. For
# smtp_server.py, which the tests start themselves, what it needs: its Python and certificates.
# Run it (`make servers`) to have them until Ctrl-C and to see the exports; test.sh sources it.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/install.sh
source "$ROOT/scripts/install.sh"

VENVS=${XDG_CACHE_HOME:-$HOME/.cache}/vestibule
SECANTUS_VERSION=0.7.0b3
SECANTUS_VENV=$VENVS/secantusdb-$SECANTUS_VERSION
AIOSMTPD_VERSION=1.4.6
AIOSMTPD_VENV=$VENVS/aiosmtpd-$AIOSMTPD_VERSION

# Starts every server and sets the VESTIBULE_TEST_* variables. Needs open_run.
start_servers() {
  need_python
  need_openssl
  need_redis
  prepare_smtp
  start_mongodb
  start_redis
  start_redis_tls
}

start_mongodb() {
  if [[ -n ${MONGODB_URL:-} ]]; then
    use_given_mongodb
  elif has mongod; then
    start_server mongod launch_mongod probe_mongod
    export VESTIBULE_TEST_MONGODB_URL=mongodb://127.0.0.1:$PORT
    VESTIBULE_TEST_MONGODB_KIND=$(probe_mongod "$PORT")
  else
    install_venv "for MongoDB: no MONGODB_URL is set, no mongod on the PATH" \
      "$SECANTUS_VENV" secantus "SecantusDB==$SECANTUS_VERSION"
    start_server SecantusDB launch_secantus probe_mongodb
    export VESTIBULE_TEST_MONGODB_URL=mongodb://127.0.0.1:$PORT
    VESTIBULE_TEST_MONGODB_KIND=$(probe_mongodb "$PORT")
  fi
  export VESTIBULE_TEST_MONGODB_KIND
  say "MongoDB: $VESTIBULE_TEST_MONGODB_KIND"
}

# Asks a plainly written MONGODB_URL for its version; TLS and SRV names are left to the tests' driver.
use_given_mongodb() {
  local kind="MongoDB of unknown version (not asked: TLS or SRV)" deadline=$((SECONDS + 30)) address host port
  export VESTIBULE_TEST_MONGODB_URL=$MONGODB_URL
  if [[ $MONGODB_URL == mongodb://* && ! $MONGODB_URL =~ (tls|ssl)=true ]]; then
    address=${MONGODB_URL#mongodb://}
    address=${address%%[/?]*}
    address=${address##*@}
    address=${address%%,*}
    host=$address port=27017
    if [[ $address =~ ^(.*):([0-9]+)$ ]]; then host=${BASH_REMATCH[1]} port=${BASH_REMATCH[2]}; fi
    host=${host#[} host=${host%]}
    until kind=$(python3 "$ROOT/scripts/mongo_probe.py" "$host" "$port" --any 2>/dev/null); do
      ((SECONDS < deadline)) || die "MongoDB: no server answers at MONGODB_URL ($host, port $port)"
      sleep 0.5
    done
  fi
  VESTIBULE_TEST_MONGODB_KIND="$kind, given by MONGODB_URL"
}

probe_mongodb() { python3 "$ROOT/scripts/mongo_probe.py" 127.0.0.1 "$1"; }
probe_mongod() { python3 "$ROOT/scripts/mongo_probe.py" 127.0.0.1 "$1" --initiate rs0; }

# A replica set of one: a standalone mongod has neither transactions nor change streams.
launch_mongod() {
  local data=$RUN_DIR/mongod-$1
  mkdir -p "$data"
  spawn "$LOG_DIR/mongodb.log" mongod --port "$1" --bind_ip 127.0.0.1 --nounixsocket \
    --dbpath "$data" --replSet rs0 --setParameter enableTestCommands=1
}

# The empty configuration file keeps out one that this user may have elsewhere.
launch_secantus() {
  local data=$RUN_DIR/secantus-$1
  mkdir -p "$data"
  : >"$data.toml"
  spawn "$LOG_DIR/mongodb.log" "$SECANTUS_VENV/bin/secantusd-py" --config "$data.toml" \
    --host 127.0.0.1 --port "$1" --storage-path "$data" \
    --cache-size 256M --sync-on-commit --enable-test-commands
}

# install_venv WHY DIR IMPORT PACKAGE==VERSION...
# A virtual environment cannot be moved into place when done, so a marker file says that it is whole.
install_venv() {
  local why=$1 dir=$2 import=$3 lock
  shift 3
  mkdir -p "$(dirname "$dir")"
  exec {lock}>"$dir.lock"
  flock "$lock"
  if [[ ! -e $dir/.complete ]] || ! "$dir/bin/python" -c "import $import" 2>/dev/null; then
    say "installing $* into $dir ($why)"
    need_venv
    rm -rf "$dir"
    if ! { python3 -m venv "$dir" && "$dir/bin/pip" install --quiet --disable-pip-version-check "$@"; } \
      >>"$LOG_DIR/install.txt" 2>&1; then
      log_tails "$LOG_DIR/install.txt"
      die "could not install $* ($why)"
    fi
    : >"$dir/.complete"
  fi
  exec {lock}>&-
}

prepare_smtp() {
  install_venv "for the SMTP server of the tests" "$AIOSMTPD_VENV" aiosmtpd.smtp "aiosmtpd==$AIOSMTPD_VERSION"
  export VESTIBULE_TEST_SMTP_PYTHON=$AIOSMTPD_VENV/bin/python
}

start_redis() {
  start_server Redis launch_redis probe_redis
  export VESTIBULE_TEST_REDIS_URL=redis://127.0.0.1:$PORT
  VESTIBULE_TEST_REDIS_SERVER=$(command -v redis-server)
  export VESTIBULE_TEST_REDIS_SERVER
  say "Redis: $(redis_version) at $VESTIBULE_TEST_REDIS_URL"
}

redis_version() { redis-server --version | sed -E 's/.* v=([^ ]+).*/\1/'; }

# Settings that both servers share: in memory only.
redis_conf() { printf 'dir "%s"\nsave ""\nappendonly no\n' "$RUN_DIR"; }

launch_redis() {
  { redis_conf; printf 'bind 127.0.0.1\nport %s\n' "$1"; } >"$RUN_DIR/redis-$1.conf"
  spawn "$LOG_DIR/redis.log" redis-server "$RUN_DIR/redis-$1.conf"
}

probe_redis() { [[ $(redis-cli -h 127.0.0.1 -p "$1" ping) == PONG ]]; }

# As hosted Redis is given out: TLS only, a password, a certificate for its name. The SMTP server of
# the tests has the same certificate.
start_redis_tls() {
  REDIS_TLS_DIR=$RUN_DIR/tls
  REDIS_TLS_PASSWORD=$(openssl rand -hex 24)
  make_certificates "$REDIS_TLS_DIR"
  export VESTIBULE_TEST_TLS_DIR=$REDIS_TLS_DIR
  start_server "Redis with TLS" launch_redis_tls probe_redis_tls
  export VESTIBULE_TEST_REDIS_TLS_URL=rediss://default:$REDIS_TLS_PASSWORD@localhost:$PORT
  export VESTIBULE_TEST_REDIS_TLS_CA=$REDIS_TLS_DIR/ca.pem
  say "Redis with TLS and password: $(redis_version) at rediss://localhost:$PORT"
}

# `localhost` may stand for either loopback address.
launch_redis_tls() {
  local conf=$RUN_DIR/redis-tls-$1.conf
  {
    redis_conf
    printf 'bind 127.0.0.1 -::1\nport 0\ntls-port %s\ntls-auth-clients no\n' "$1"
    printf 'tls-cert-file "%s"\ntls-key-file "%s"\n' "$REDIS_TLS_DIR/server.pem" "$REDIS_TLS_DIR/server.key"
    printf 'tls-ca-cert-file "%s"\nrequirepass %s\n' "$REDIS_TLS_DIR/ca.pem" "$REDIS_TLS_PASSWORD"
  } >"$conf"
  spawn "$LOG_DIR/redis-tls.log" redis-server "$conf"
}

probe_redis_tls() {
  [[ $(REDISCLI_AUTH=$REDIS_TLS_PASSWORD redis-cli --no-auth-warning -h localhost -p "$1" \
    --tls --cacert "$REDIS_TLS_DIR/ca.pem" ping) == PONG ]]
}

# make_certificates DIR: ca.pem, and server.pem with server.key signed by it, for three days.
make_certificates() {
  mkdir -p "$1"
  cat >"$1/openssl.cnf" <<-'CNF'
	[req]
	distinguished_name = name
	prompt = no
	[name]
	CN = Vestibule test
	[ca]
	basicConstraints = critical, CA:TRUE
	keyUsage = critical, keyCertSign, cRLSign
	subjectKeyIdentifier = hash
	[server]
	basicConstraints = critical, CA:FALSE
	keyUsage = critical, digitalSignature
	extendedKeyUsage = serverAuth
	subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
	CNF
  local key=(-newkey ec -pkeyopt "ec_paramgen_curve:prime256v1" -nodes -config "$1/openssl.cnf")
  {
    openssl req -x509 "${key[@]}" -subj "/CN=Vestibule test CA" -extensions ca -days 3 \
      -keyout "$1/ca.key" -out "$1/ca.pem" &&
      openssl req -new "${key[@]}" -subj "/CN=localhost" -keyout "$1/server.key" -out "$1/server.csr" &&
      openssl x509 -req -in "$1/server.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" -set_serial 2 -days 3 \
        -extfile "$1/openssl.cnf" -extensions server -out "$1/server.pem"
  } >"$LOG_DIR/openssl.txt" 2>&1 || { log_tails "$LOG_DIR/openssl.txt"; die "the certificates could not be made"; }
}

print_exports() {
  local name
  for name in "${!VESTIBULE_TEST_@}"; do printf 'export %s=%q\n' "$name" "${!name}"; done
}

# Only when run, not when sourced.
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  trap 'restore_policy; close_run' EXIT
  trap 'exit 0' INT # Ctrl-C is how it is meant to end
  trap 'exit 143' TERM HUP
  open_run servers-logs
  start_servers
  heading "for the shell that runs the tests; Ctrl-C stops the servers"
  print_exports
  # Ends with the first server that ends.
  wait -n "${GROUPS_STARTED[@]}" || true
  log_tails "$LOG_DIR"/*.log
  die "a server ended by itself"
fi

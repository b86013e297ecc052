#!/usr/bin/env bash
# Builds the playground and the console in web/ into web/dist and web/dist-console, which the binary embeds.
#
#   scripts/web.sh              builds it, or says why not and fails
#   scripts/web.sh --if-needed  builds it where it can and must be built; never fails
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

has() { command -v "$1" >/dev/null 2>&1; }

up_to_date() {
  [[ -d web/dist && -d web/dist-console ]] || return 1
  local others=(-name node_modules -o -name dist -o -name dist-console -o -name gql -o -name e2e)
  # The console is typed by the schemas, and built with the link.
  [[ -z $(find web clients/apollo-link/src schema.graphql schema.admin.graphql \
    \( "${others[@]}" \) -prune -o -type f -newer web/dist -print -quit) ]]
}

# Prints what keeps the build from succeeding, the build's own words aside; fails with it.
build() {
  local installed=web/node_modules/.package-lock.json
  [[ -f web/package.json ]] || { echo "there is no web/package.json"; return 1; }
  if ! has node || ! has npm; then echo "Node is missing (node and npm)"; return 1; fi
  # `npm ci` leaves this file behind: a newer package-lock.json wants it again.
  if [[ ! -e $installed || web/package-lock.json -nt $installed ]]; then
    (cd web && npm ci --no-audit --no-fund >&2) || { echo "npm ci failed"; return 1; }
  fi
  (cd web && npm run build >&2) || { echo "npm run build failed"; return 1; }
  touch web/dist web/dist-console
}

if [[ ${1:-} == --if-needed ]] && up_to_date; then
  exit 0
elif problem=$(build); then
  exit 0
elif [[ ${1:-} != --if-needed ]]; then
  echo "web: $problem" >&2
  exit 1
elif [[ -d web/dist ]]; then
  echo "web: $problem; /graphql shows the playground as it was built before"
else
  echo "web: $problem; /graphql shows the page that async-graphql ships"
fi

#!/usr/bin/env bash
# install.sh FOLDER: puts what requirements.txt has into a virtual environment, unless it is there.
set -euo pipefail

folder=$1
requirements=$(dirname "${BASH_SOURCE[0]}")/requirements.txt

mkdir -p "$(dirname "$folder")"
exec {lock}>"$folder.lock"
flock "$lock"
# A virtual environment cannot be moved into place when done, so a copy of what it has says that it is whole.
if cmp -s "$requirements" "$folder/.complete" && "$folder/bin/python" -c ''; then exit; fi
rm -rf "$folder"
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
cp "$requirements" "$folder/.complete"

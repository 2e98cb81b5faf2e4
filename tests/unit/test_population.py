"""`ranvier population`: the same answer as the hook, bounded, resumable, and nothing lost in silence."""

from __future__ import annotations

import csv
import gzip
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from cds.advice import advise
from cds.calls import read_call
from cds.content import Content, default_root, load_content
from cds.population import partition
from cds.population.partition import ExportError, files_of, sort_by_patient
from cds.population.patients import Task, row_of
from cds.population.run import run
from cds.vignette.patients import load_patients

AS_OF = date(2026, 11, 20)
NAMES = ("dmf-failure", "no-ms", "pml-on-natalizumab", "stable-at-62", "untreated-rrms")
TASK = Task(Path(), (), AS_OF, None, None, 3)


@cache
def content() -> Content:
    return load_content(None, None)


@cache
def requests() -> dict[str, dict[str, Any]]:
    patients = load_patients(default_root() / "seeds" / "patients")
    return {name: patients[name].expand(AS_OF).request("patient-view") for name in NAMES}


def resources(request: dict[str, Any]) -> list[dict[str, Any]]:
    values = request["prefetch"].values()
    single = [value for value in values if value["resourceType"] != "Bundle"]
    return single + [entry["resource"] for value in values for entry in value.get("entry", ())]


def export(folder: Path, *, packed: bool = False) -> Path:
    """All patients as a Bulk Data export; resource ids are made unique, as a server's are."""
    lines: dict[str, list[bytes]] = {"Procedure": [], "AllergyIntolerance": [], "MedicationAdministration": [], "MedicationStatement": []}
    for request in requests().values():
        for resource in resources(request):
            lines.setdefault(resource["resourceType"], []).append(orjson.dumps(resource))
    folder.mkdir()
    for type_, found in lines.items():
        text = b"\n".join(found) + b"\n"
        if packed:
            (folder / f"{type_}.000.ndjson.gz").write_bytes(gzip.compress(text))
        else:
            (folder / f"{type_}.ndjson").write_bytes(text)
    return folder


def rows(path: Path) -> dict[str, dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert len(found) == len({row["patient"] for row in found}), "each patient once"
    return {row["patient"]: row for row in found}


def called(request: dict[str, Any]) -> dict[str, str]:
    """The row of a patient as the hook itself would give it."""
    chart, trigger = read_call("patient-view", request["context"]["patientId"], request["prefetch"], content())
    row = row_of(request["context"]["patientId"], advise(content(), chart, trigger, AS_OF))
    return {name: str(getattr(row, name)) for name in row.__slots__}


@pytest.mark.parametrize("packed", [False, True])
def test_the_same_answer_as_calling_the_hook_for_each_patient(tmp_path: Path, packed: bool):
    summary = run([export(tmp_path / "in", packed=packed)], tmp_path / "out.csv.gz", TASK, processes=1)
    assert rows(tmp_path / "out.csv.gz") == {name: called(request) for name, request in requests().items()}
    assert summary.patients == len(NAMES)
    assert sum(summary.ms.values()) == len(NAMES)
    assert summary.topics["dmtSwitch"] >= 1
    assert not (tmp_path / "out.csv.gz.work").exists()


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(partition, "SHARE_BYTES", 4_000)
    source, out = export(tmp_path / "in"), tmp_path / "out.csv"

    def stop(done: int, whole: int) -> None:
        assert whole > 5
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([source], out, TASK, processes=1, progress=stop)
    assert not out.exists()
    assert len(list((tmp_path / "out.csv.work").glob("rows-*.csv"))) >= 2
    started: list[int] = []
    run([source], out, TASK, processes=1, progress=lambda done, _: started.append(done))
    assert started[0] == 3, "two shares were done before"
    assert rows(out) == {name: called(request) for name, request in requests().items()}


def test_another_day_starts_afresh(tmp_path: Path):
    source, out = export(tmp_path / "in"), tmp_path / "out.csv"
    (tmp_path / "out.csv.work").mkdir()
    (tmp_path / "out.csv.work" / "plan.json").write_bytes(orjson.dumps({"plan": {"asOf": "2001-01-01"}, "sorted": {}}))
    (tmp_path / "out.csv.work" / "rows-000.csv").write_text("somebody else\n")
    run([source], out, TASK, processes=1)
    assert set(rows(out)) == set(NAMES)


def test_what_belongs_to_nobody_is_counted(tmp_path: Path):
    source = export(tmp_path / "in")
    stranger = {"resourceType": "Observation", "id": "x", "subject": {"reference": "Patient/stranger"}}
    lines = (orjson.dumps(stranger), orjson.dumps({**stranger, "subject": {"reference": "Group/1"}}), b"{no json", b"[]", b"")
    (source / "Observation.001.ndjson").write_bytes(b"\n".join(lines))
    summary = run([source], tmp_path / "out.csv", TASK, processes=1)
    assert (summary.ownerless, summary.unread_lines) == (2, 2)
    assert set(rows(tmp_path / "out.csv")) == set(NAMES)


@pytest.mark.parametrize(
    ("reference", "owner"),
    [
        ({"subject": {"reference": "Patient/a"}}, "a"),
        ({"patient": {"reference": "https://ehr.example/fhir/Patient/a/_history/2"}}, "a"),
        ({"subject": {"reference": "urn:uuid:a"}}, "a"),
    ],
)
def test_whose_a_line_is(tmp_path: Path, reference: dict[str, Any], owner: str):
    (tmp_path / "X.ndjson").write_bytes(orjson.dumps({"resourceType": "Observation", **reference}))
    sort_by_patient([tmp_path / "X.ndjson"], tmp_path)
    assert (tmp_path / "share-000.ndjson").read_bytes().startswith(f"{owner}\t".encode())


def test_medications_are_found_by_reference(tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    drug = {"resourceType": "Medication", "id": "m1", "code": {"text": "Natalizumab 300 mg"}}
    order = {
        "resourceType": "MedicationRequest",
        "id": "o1",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        "medicationReference": {"reference": "Medication/m1"},
        "authoredOn": "2026-09-01",
    }
    ms = {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "426373005"}]},
    }
    for resource in ({"resourceType": "Patient", "id": "p", "birthDate": "1980-01-01"}, order, ms):
        (folder / f"{resource['resourceType']}.ndjson").write_bytes(orjson.dumps(resource))
    run([folder], tmp_path / "without.csv", TASK, processes=1)
    (folder / "Medication.ndjson").write_bytes(orjson.dumps(drug))
    run([folder], tmp_path / "with.csv", TASK, processes=1)
    assert int(rows(tmp_path / "without.csv")["p"]["not_read"]) > int(rows(tmp_path / "with.csv")["p"]["not_read"])


def test_what_cannot_be_used_is_said(tmp_path: Path):
    (tmp_path / "cut.ndjson.gz").write_bytes(gzip.compress(b'{"resourceType":"Patient","id":"a"}\n' * 9)[:-9])
    (tmp_path / "Condition.ndjson").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ExportError, match=r"there is no \.ndjson"):
        files_of([tmp_path / "empty"])
    with pytest.raises(ExportError, match="no such file"):
        files_of([tmp_path / "absent.ndjson"])
    with pytest.raises(ExportError, match="cannot be read to its end"):
        run([tmp_path / "cut.ndjson.gz"], tmp_path / "a.csv", TASK)
    with pytest.raises(ExportError, match="holds no Patient"):
        run([tmp_path / "Condition.ndjson"], tmp_path / "b.csv", TASK)
    with pytest.raises(ExportError, match=r"must end with \.csv"):
        run([tmp_path / "Condition.ndjson"], tmp_path / "c.xlsx", TASK)

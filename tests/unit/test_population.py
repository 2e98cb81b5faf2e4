"""`ranvier population`: the same answer as the hook, bounded, resumable, and nothing lost in silence."""

from __future__ import annotations

import csv
import errno
import os
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet
import pytest
from msgspec.structs import replace

from cds.advice import Policy
from cds.population import export as exports
from cds.population import gather as gathering
from cds.population import run as running
from cds.population import suspects
from cds.population.export import ExportError, Piece, export_of, pieces_of
from cds.population.gather import FAILURE, NAMELESS, OF_NOBODY, OF_STRANGERS, UNOWNED, UNREAD
from cds.population.lines import head_of, lines_of, owner_of
from cds.population.run import Summary
from cds.population.show import as_drawing, as_tables
from tests.unit.population_exports import ALL_TYPES, JOB, NAMES, Resource, ask_all, called, everybody, export, rows

P = {"resourceType": "Patient", "id": "p", "birthDate": "1980-01-01"}
MS = {
    "resourceType": "Condition",
    "id": "c1",
    "subject": {"reference": "Patient/p"},
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "426373005"}]},
}
STRAIN = {**MS, "id": "c2", "code": {"coding": [{"system": "http://snomed.info/sct", "code": "44465007", "display": "Sprain of ankle"}]}}


@pytest.fixture(autouse=True)
def _few_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Places for marks are many, so that patients seldom share one; a few do here."""
    monkeypatch.setattr(suspects, "PLACES", 16)


def add(folder: Path, name: str, *lines: bytes | Resource) -> None:
    with (folder / name).open("ab") as file:
        file.writelines((line if isinstance(line, bytes) else orjson.dumps(line)) + b"\n" for line in lines)


@pytest.mark.parametrize("name", ["{}.ndjson", "{}.000.ndjson.gz", "1.{}.ndjson", "{}.NDJSON", "{}.NdJson.GZ"])
def test_the_same_answer_as_calling_the_hook_for_each_patient(tmp_path: Path, name: str):
    summary = ask_all(export(tmp_path / "in", everybody(), name=name), tmp_path / "out.csv.gz")
    assert rows(tmp_path / "out.csv.gz") == called()
    assert summary.patients == sum(summary.ms.values()) == len(NAMES)
    assert summary.topics["dmtSwitch"] >= 1
    assert summary.with_cards == sum(bool(row["topics"]) for row in called().values())
    assert not summary.left_out
    assert not (tmp_path / "out.csv.gz.work").exists()


def test_the_same_however_it_is_divided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for module, name, size in (
        (exports, "PIECE_BYTES", 3_000),
        (gathering, "HELD_BYTES", 2_000),
        (running, "SHARE_BYTES", 9_000),
        (running, "SHARE_SUSPECTS", 1),
    ):
        monkeypatch.setattr(module, name, size)
    ask_all(export(tmp_path / "in", reversed(everybody())), tmp_path / "out.csv")
    assert rows(tmp_path / "out.csv") == called()


def test_every_line_is_in_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lines = [b"%d" % (10**number) for number in range(40)]
    path = tmp_path / "Patient.ndjson"
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    for size in (1, 7, 64, 10_000):
        monkeypatch.setattr(exports, "PIECE_BYTES", size)
        assert [line for piece in pieces_of([path]) for line in lines_of(piece)] == lines


def test_parquet_holds_lists_and_what_is_not_known(tmp_path: Path):
    ask_all(export(tmp_path / "in", everybody()), tmp_path / "out.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert {row["patient"]: "; ".join(row["topics"]) for row in table} == {name: row["topics"] for name, row in called().items()}
    assert {row["patient"]: row["not_read"] for row in table}["no-ms"] is None
    assert {row["patient"]: row["not_read"] for row in table}["dmf-failure"] == 0


def test_what_the_site_shows_counts(tmp_path: Path):
    job = replace(JOB, policy=Policy(topics_off=frozenset({"dmtSwitch"})))
    summary = ask_all(export(tmp_path / "in", everybody()), tmp_path / "out.csv", job)
    assert "dmtSwitch" not in summary.topics


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(running, "SHARE_SUSPECTS", 1)
    source, out = export(tmp_path / "in", everybody()), tmp_path / "out.csv"

    def stop_at(what: str, number: int) -> Any:
        def progress(doing: str, done: int, whole: int) -> None:
            if (doing, done) == (what, number):
                raise KeyboardInterrupt

        return progress

    for what in ("finding", "gathering", "asking"):
        with pytest.raises(KeyboardInterrupt):
            ask_all(source, out, progress=stop_at(what, 2))
        assert not out.exists()
    add(tmp_path / "out.csv.work", ".rows-00004.json.123", b"[[")  # of a worker that was killed while it wrote
    seen: list[tuple[str, int]] = []
    ask_all(source, out, progress=lambda what, done, _whole: seen.append((what, done)))
    assert seen[:2] == [("gathering", 11), ("asking", 2)], "nothing is done again"
    assert rows(out) == called()
    assert [path.name for path in tmp_path.iterdir() if path.name != "in"] == ["out.csv"]


def test_another_day_starts_afresh(tmp_path: Path):
    source, out = export(tmp_path / "in", everybody()), tmp_path / "out.csv"

    def stop(what: str, done: int, whole: int) -> None:
        if what == "asking" and done == whole:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask_all(source, out, replace(JOB, as_of=date(2024, 1, 1)), progress=stop)
    ask_all(source, out)
    assert rows(out) == called()


def test_a_full_disk_is_said_and_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source, out = export(tmp_path / "in", everybody()), tmp_path / "out.csv"
    flush, room = os.fsync, iter(range(6))

    def full(descriptor: int) -> None:
        if next(room, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ExportError, match="No space left on device; run it again"):
        ask_all(source, out)
    assert not out.exists()
    monkeypatch.setattr(os, "fsync", flush)
    ask_all(source, out)
    assert rows(out) == called()


def test_two_runs_do_not_write_one_file(tmp_path: Path):
    source, out = export(tmp_path / "in", everybody()), tmp_path / "out.csv"
    (tmp_path / "out.csv.work").mkdir()
    with closing(sqlite3.connect(tmp_path / "out.csv.work" / "lock.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ExportError, match="another run"):
            ask_all(source, out)
    ask_all(source, out)
    assert set(rows(out)) == set(NAMES)


def test_what_belongs_to_nobody_is_counted(tmp_path: Path):
    source = export(tmp_path / "in", everybody())
    of_stranger = {"resourceType": "Observation", "id": "x", "subject": {"reference": "Patient/stranger"}}
    of_group = {**of_stranger, "subject": {"reference": "Group/1"}}
    add(source, "Observation.001.ndjson", of_stranger, of_group, b"{no json", b"[]", b"", b"  ")
    add(source, "Condition.001.ndjson", {**MS, "subject": {"reference": "Patient/stranger"}})
    add(source, "Patient.001.ndjson", {"resourceType": "Patient"}, {"resourceType": "Patient", "id": "a\tb"})
    add(source, "Practitioner.ndjson", {"resourceType": "Practitioner", "id": "dr"})
    summary = ask_all(source, tmp_path / "out.csv")
    assert summary.left_out == {OF_STRANGERS: 2, OF_NOBODY: 1, UNREAD: 2, UNOWNED: 2, NAMELESS: 2}
    assert rows(tmp_path / "out.csv") == called()


@pytest.mark.parametrize(
    ("resource", "owner"),
    [
        ({"subject": {"reference": "Patient/a"}}, "a"),
        ({"subject": {"reference": " Patient/a"}}, "a"),
        ({"subject": "Patient/a"}, "a"),
        ({"patient": {"reference": "https://ehr.example/fhir/Patient/a/_history/2"}}, "a"),
        ({"subject": {"reference": "urn:uuid:a"}}, "a"),
        ({"subject": {"reference": "Patient/a\nb"}}, ""),
        ({"subject": {"reference": "Group/a"}}, ""),
        ({"subject": {"display": "somebody"}}, ""),
        ({"id": 17, "resourceType": "Patient"}, "17"),
    ],
)
def test_whose_a_line_is(resource: Resource, owner: str):
    head = head_of(orjson.dumps({"resourceType": "Observation", **resource}))
    assert head is not None
    assert owner_of(head) == owner


def test_medications_are_found_by_reference(tmp_path: Path):
    order = {
        "resourceType": "MedicationRequest",
        "id": "o1",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        "medicationReference": {"reference": "Medication/m1"},
        "authoredOn": "2026-09-01",
    }
    drug = {"resourceType": "Medication", "id": "m1", "code": {"text": "Natalizumab 300 mg"}}
    folder = export(tmp_path / "in", [P, order, MS])
    ask_all(folder, tmp_path / "without.csv")
    add(folder, "Medication.ndjson", drug)
    ask_all(folder, tmp_path / "with.csv")
    assert int(rows(tmp_path / "without.csv")["p"]["not_read"]) > int(rows(tmp_path / "with.csv")["p"]["not_read"])


def test_of_two_versions_of_a_patient_the_newer_counts(tmp_path: Path):
    dead = {**P, "deceasedBoolean": True, "meta": {"lastUpdated": "2026-01-01T00:00:00Z"}}
    older = {**P, "meta": {"lastUpdated": "2020-01-01T00:00:00Z"}}
    ask_all(export(tmp_path / "in", [dead, older, MS]), tmp_path / "out.csv")
    assert rows(tmp_path / "out.csv")["p"]["topics"] == ""


def ms_of(tmp_path: Path, *resources: Resource, types: tuple[str, ...] = (), **lines: bytes) -> tuple[str, Summary]:
    """What is known of MS in patient p, with more lines in files of these types."""
    folder = export(tmp_path / "in", [P, *resources], types)
    for name, line in lines.items():
        add(folder, f"{name}.001.ndjson", line)
    summary = ask_all(folder, tmp_path / "out.csv")
    return rows(tmp_path / "out.csv")["p"]["ms"], summary


def test_no_diagnosis_is_absence_only_where_diagnoses_were_asked_for(tmp_path: Path):
    assert ms_of(tmp_path / "a", types=("Condition",))[0] == "absent"
    assert ms_of(tmp_path / "b")[0] == "unknown"
    assert ms_of(tmp_path / "c", STRAIN)[0] == "absent"


BROKEN = orjson.dumps(STRAIN)[:-20]


@pytest.mark.parametrize(
    "line",
    [BROKEN, orjson.dumps(STRAIN).replace(b"Sprain of", b"Sprain\xff of")[:-2], b'{"resourceType":7,"subject":{"reference":"Patient/p"}}'],
)
def test_a_broken_diagnosis_makes_ms_unknown_not_absent(tmp_path: Path, line: bytes):
    ms, summary = ms_of(tmp_path, STRAIN, Condition=line)
    assert (ms, summary.left_out) == ("unknown", {UNREAD: 1})


def test_a_broken_line_without_owner_is_named(tmp_path: Path):
    ms, summary = ms_of(tmp_path, STRAIN, Condition=BROKEN[:30])
    assert (ms, summary.left_out) == ("absent", {UNREAD: 1, UNOWNED: 1})


def test_a_line_with_bytes_that_are_no_text_does_not_stop_the_run(tmp_path: Path):
    spoilt = orjson.dumps({"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/p"}, "note": [{"text": "x"}]})
    ms, summary = ms_of(tmp_path, MS, Observation=spoilt.replace(b'"x"', b'"\xff"'))
    assert (ms, summary.left_out) == ("present", {UNREAD: 1})


@pytest.mark.parametrize("odd", [{"code": {"text": "suspected MS"}}, {"code": "multiple sclerosis"}, {"id": 5, "code": MS["code"]}])
def test_odd_diagnoses_are_read_as_the_hook_reads_them(tmp_path: Path, odd: Resource):
    assert ms_of(tmp_path, {**MS, **odd})[0] != "absent"


def test_diagnoses_in_a_file_of_another_name_are_found(tmp_path: Path):
    folder = export(tmp_path / "in", [P, STRAIN])
    add(folder, "Observation.ndjson", MS)
    ask_all(folder, tmp_path / "out.csv")
    assert rows(tmp_path / "out.csv")["p"]["ms"] == "present"
    everything = tmp_path / "all"
    everything.mkdir()
    add(everything, "everything.ndjson", *everybody(), *({"resourceType": type_} for type_ in ALL_TYPES))
    summary = ask_all(everything, tmp_path / "all.csv")
    assert rows(tmp_path / "all.csv") == called()
    assert summary.left_out == {OF_NOBODY: len(ALL_TYPES)}


def test_errors_that_the_server_reported_are_not_passed_over(tmp_path: Path):
    warning, error = orjson.loads(FAILURE), orjson.loads(FAILURE)
    warning["issue"][0]["severity"] = "information"
    folder = export(tmp_path / "in", [P, STRAIN, warning])
    assert not ask_all(folder, tmp_path / "out.csv").left_out
    for name in ("OperationOutcome.001.ndjson", "Procedure.ndjson"):
        add(folder, name, error)
        with pytest.raises(ExportError, match="not whole: the server reported 1 errors"):
            ask_all(folder, tmp_path / "out.csv")
        assert sum(ask_all(folder, tmp_path / "out.csv", as_complete=True).left_out.values()) == 1
        (folder / name).unlink()


def manifest(folder: Path, request: str, *names: str) -> None:
    output = [{"type": name.partition(".")[0], "url": f"https://ehr.example/bulk/{name}"} for name in names]
    (folder / "manifest.json").write_bytes(
        orjson.dumps({"request": f"https://ehr.example/$export{request}", "output": output, "error": []})
    )


def test_the_manifest_says_what_was_asked_for(tmp_path: Path):
    folder = export(tmp_path / "in", [P])
    manifest(folder, "?_type=Patient,Condition", "Patient.ndjson")
    assert export_of([folder]).types == {"Patient", "Condition", *ALL_TYPES}
    ask_all(folder, tmp_path / "out.csv")
    assert rows(tmp_path / "out.csv")["p"]["ms"] == "absent"
    manifest(folder, "", "Patient.ndjson")
    assert "Observation" in export_of([folder]).types
    manifest(folder, "", "Patient.ndjson", "Condition.ndjson")
    with pytest.raises(ExportError, match=r"lists Condition\.ndjson, which is not in the folder"):
        ask_all(folder, tmp_path / "out.csv")
    manifest(folder, "?_since=2026-01-01T00:00:00Z", "Patient.ndjson")
    with pytest.raises(ExportError, match="made with _since"):
        ask_all(folder, tmp_path / "out.csv")
    (folder / "manifest.json").write_bytes(b"[]")
    with pytest.raises(ExportError, match="no manifest"):
        ask_all(folder, tmp_path / "out.csv")


def test_what_cannot_be_used_is_said(tmp_path: Path):
    whole = export(tmp_path / "in", [P] * 9, (), name="{}.ndjson.gz") / "Patient.ndjson.gz"
    (tmp_path / "cut.ndjson.gz").write_bytes(whole.read_bytes()[:-9])
    (tmp_path / "Condition.ndjson").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    (tmp_path / "packed").mkdir()
    for name in ("Patient.ndjson", "Condition.ndjson.zip", "notes.zip"):
        (tmp_path / "packed" / name).write_bytes(b"")
    for source, out, message in (
        ("empty", "a.csv", r"there is no \.ndjson"),
        ("packed", "a.csv", r"Condition\.ndjson\.zip.* unpack"),
        ("absent.ndjson", "a.csv", "no such file"),
        ("cut.ndjson.gz", "a.csv", "cannot be read to its end"),
        ("Condition.ndjson", "b.csv", "holds no Patient"),
        ("Condition.ndjson", "c.xlsx", r"must end with \.csv"),
    ):
        with pytest.raises(ExportError, match=message):
            ask_all(tmp_path / source, tmp_path / out)


def test_the_summary_in_tables_and_as_a_drawing(tmp_path: Path):
    summary = ask_all(export(tmp_path / "in", everybody()), tmp_path / "out.csv")
    ms, topics, missing = as_tables(summary)
    assert [table.row_count for table in (ms, topics, missing)] == [len(summary.ms) + 2, len(summary.topics), len(summary.missing)]
    drawing = as_drawing(summary).decode()
    assert all(topic in drawing for topic in summary.topics)
    assert "<script" not in drawing
    with (tmp_path / "out.csv").open() as file:
        counted = [row["missing"].split("; ") for row in csv.DictReader(file)]
    assert summary.missing == {item: sum(item in one for one in counted) for one in counted for item in one if item}


def test_a_piece_knows_the_type_in_its_name():
    names = {"Condition.000.ndjson.gz": "Condition", "Condition-2.ndjson": "Condition", "1.Patient.ndjson": "Patient", "Group.ndjson": ""}
    assert {name: Piece(0, Path(name), 0, None).type for name in names} == names

"""Exports for the tests of `ranvier population`: synthetic patients as a FHIR Bulk Data export, and runs over it in this process."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from cds.content import Content, default_root
from cds.population.ask import row_of
from cds.population.engines import Engine, alone
from cds.population.job import Job, content_of
from cds.population.run import Summary, run
from cds.vignette.patients import load_patients

AS_OF = date(2026, 11, 20)
NAMES = ("dmf-failure", "no-ms", "pml-on-natalizumab", "stable-at-62", "untreated-rrms")
JOB = Job(AS_OF)
ALL_TYPES = ("Procedure", "AllergyIntolerance", "MedicationAdministration", "MedicationStatement")

Resource = dict[str, Any]


@cache
def content() -> Content:
    return content_of(JOB.site)


@cache
def requests() -> dict[str, Resource]:
    patients = load_patients(default_root() / "seeds" / "patients")
    return {name: patients[name].expand(AS_OF).request("patient-view") for name in NAMES}


def resources(request: Resource) -> list[Resource]:
    values = request["prefetch"].values()
    single = [value for value in values if value["resourceType"] != "Bundle"]
    return single + [entry["resource"] for value in values for entry in value.get("entry", ())]


def everybody() -> list[Resource]:
    return [resource for request in requests().values() for resource in resources(request)]


def export(folder: Path, found: Iterable[Resource], types: Iterable[str] = ALL_TYPES, *, name: str = "{}.ndjson") -> Path:
    """A file for each type, also for `types` of which there is no resource; packed if the name ends with .gz."""
    lines: dict[str, list[bytes]] = {type_: [] for type_ in types}
    for resource in found:
        lines.setdefault(resource["resourceType"], []).append(orjson.dumps(resource))
    folder.mkdir(parents=True, exist_ok=True)
    for type_, of_type in lines.items():
        text = b"".join(line + b"\n" for line in of_type)
        (folder / name.format(type_)).write_bytes(gzip.compress(text) if name.lower().endswith(".gz") else text)
    return folder


def ask_all(source: Path, out: Path, job: Job = JOB, engine: Engine = alone, **options: Any) -> Summary:
    return run([source], out, job, engine, **options)


def rows(path: Path) -> dict[str, dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert len(found) == len({row["patient"] for row in found}), "each patient once"
    return {row["patient"]: row for row in found}


@cache
def called() -> dict[str, dict[str, str]]:
    """The rows as the hook itself would give them, asked once for each patient."""
    from cds.advice import advise
    from cds.calls import read_call

    found = {}
    for name, request in requests().items():
        chart, trigger = read_call("patient-view", name, request["prefetch"], content())
        row = row_of(name, advise(content(), chart, trigger, AS_OF))
        texts = {key: getattr(row, key) for key in row.__struct_fields__}
        found[name] = {key: "; ".join(v) if isinstance(v, tuple) else "" if v is None else str(v) for key, v in texts.items()}
    return found

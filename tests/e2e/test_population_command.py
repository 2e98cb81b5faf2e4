"""`ranvier population` as a person runs it: a folder in, rows and a summary out, on two processes."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import orjson

from cds.content import default_root
from cds.vignette.patients import load_patients

NAMES = ("dmf-failure", "no-ms", "untreated-rrms")


def test_a_folder_in_rows_and_a_summary_out(tmp_path: Path):
    patients = load_patients(default_root() / "seeds" / "patients")
    for name in NAMES:
        for value in patients[name].expand().request("patient-view")["prefetch"].values():
            for resource in [entry["resource"] for entry in value.get("entry", ())] if value["resourceType"] == "Bundle" else [value]:
                with (tmp_path / f"{resource['resourceType']}.ndjson").open("ab") as file:
                    file.write(orjson.dumps(resource) + b"\n")
    out = tmp_path / "report.csv"
    command = [sys.executable, "-m", "cds", "population", str(tmp_path), "--out", str(out), "--as-of", "2026-11-20", "--processes", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    with out.open(encoding="utf-8") as file:
        rows = {row["patient"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(NAMES)
    assert rows["no-ms"]["topics"] == ""
    assert "dmtSwitch" in rows["dmf-failure"]["topics"]
    assert "dmtSwitch" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_folder_without_an_export_is_one_line(tmp_path: Path):
    command = [sys.executable, "-m", "cds", "population", str(tmp_path), "--out", str(tmp_path / "report.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("ranvier: there is no .ndjson")

"""`ranvier population` as a person runs it: a folder in; rows, a plot and a summary out, on two processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet

from tests.unit.population_exports import AS_OF, NAMES, called, everybody, export


def population(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cds", "population", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_folder_in_rows_a_plot_and_a_summary_out(tmp_path: Path):
    source, out = export(tmp_path / "in", everybody(), name="{}.000.ndjson.gz"), tmp_path / "report.parquet"
    done = population(source, "--out", out, "--as-of", AS_OF.isoformat(), "--processes", 2)
    assert done.returncode == 0, done.stderr
    found = {row["patient"]: row for row in pyarrow.parquet.read_table(out).to_pylist()}
    assert set(found) == set(NAMES)
    assert {name: "; ".join(row["topics"]) for name, row in found.items()} == {name: row["topics"] for name, row in called().items()}
    assert "dmtSwitch" in done.stdout
    assert "What would we need to record to know?" in done.stdout
    assert all(step in done.stderr for step in ("finding", "gathering", "asking"))
    assert "dmtSwitch" in (tmp_path / "report.svg").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "report.parquet", "report.svg"]


def test_a_folder_without_an_export_is_one_line(tmp_path: Path):
    done = population(tmp_path, "--out", tmp_path / "report.csv")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("ranvier: there is no .ndjson")

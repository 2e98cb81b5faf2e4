"""The recorded soak, with 1 and with 2 workers: `python -m tests.soak [SECONDS]` writes docs/soak.md. Ends with 1 if anything was wrong."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.e2e.postgres import Postgres
from tests.service import ROOT
from tests.soak.report import page
from tests.soak.run import Result, soak

SECONDS = 60.0


def main() -> int:
    """Run it and write the page."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    command = [sys.executable, str(ROOT / "tests" / "api" / "fhir_server.py")]
    results: list[Result] = []
    postgres = Postgres()
    try:
        for workers in (1, 2):
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as fhir, tempfile.TemporaryDirectory() as folder:
                try:
                    assert fhir.stdout is not None
                    address = f"http://127.0.0.1:{fhir.stdout.readline().strip()}"
                    results.append(soak(Path(folder), address, postgres, workers=workers, seconds=seconds))
                finally:
                    fhir.kill()
    finally:
        postgres.remove()
    (ROOT / "docs" / "soak.md").write_text(page(results), encoding="utf-8")
    for result in results:
        print(f"{result.workers} workers: {result.faults or 'nothing was wrong'}")
    return 1 if any(result.faults for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())

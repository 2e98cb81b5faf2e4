"""`python -m tests.golden` writes the expected answers anew; look through the diff before you keep it."""

from __future__ import annotations

from cds.content import load_content
from cds.vignette.patients import load_patients
from tests.golden.answers import FOLDER, answers, as_text

if __name__ == "__main__":
    content = load_content()
    patients = load_patients(content.root / "seeds" / "patients")
    FOLDER.mkdir(exist_ok=True)
    for left in FOLDER.glob("*.yaml"):
        left.unlink()
    for id, patient in patients.items():
        (FOLDER / f"{id}.yaml").write_text(as_text(answers(patient, content)), encoding="utf-8")
    print(f"{len(patients)} patients written to {FOLDER}")

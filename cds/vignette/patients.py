"""The synthetic patients of `seeds/patients`: a story, lines, and the FHIR they expand to."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cds.mendable import MendableError
from cds.plain_yaml import load_yaml
from cds.vignette.expand import Vignette, expand

Hook = Literal["patient-view", "encounter-start", "order-select", "order-sign", "problem-list-item-create"]


class PatientFileError(MendableError, ValueError):
    """A file of `seeds/patients` that cannot be used; the message names the file and what is wrong."""


class SyntheticPatient(BaseModel):
    """One synthetic patient: who it is in a clinician's words, and the lines the chart is made of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)
    name: str
    title: str
    story: str
    as_of: date
    lines: str
    hook: Hook = "patient-view"
    orders: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    near_misses: tuple[str, ...] = ()
    """Topics that stay silent on every hook, although one step further they would speak."""

    def expand(self, as_of: date | None = None) -> Vignette:
        """The patient as FHIR, on the day the story is told unless another day is given."""
        text = "\n".join([self.lines.strip(), *(f"order {order}" for order in self.orders)])
        return expand(text, as_of or self.as_of, patient_id=self.id, name=self.name)


def load_patients(folder: Path) -> dict[str, SyntheticPatient]:
    """Every synthetic patient of a folder, by id. Raises `PatientFileError` naming the file and what is wrong."""
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            patient = SyntheticPatient.model_validate(load_yaml(path.read_bytes()))
        except (ValidationError, yaml.YAMLError) as error:
            raise PatientFileError(f"{path.name}: {error}") from error
        if patient.id != path.stem:
            raise PatientFileError(f"{path.name}: its id is {patient.id!r}; the file and the id have the same name")
        found[patient.id] = patient
    return found

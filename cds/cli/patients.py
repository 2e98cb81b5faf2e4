"""Commands on the synthetic patients: `ranvier patients ...`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import orjson
import typer

from cds.cli.common import content_root, out
from cds.settings import Settings

if TYPE_CHECKING:
    from cds.vignette.patients import SyntheticPatient

app = typer.Typer(no_args_is_help=True, help="The synthetic patients.")


@app.command("list")
def list_() -> None:
    """Ids and titles of the synthetic patients."""
    for patient in _patients().values():
        out.print(f"{patient.id:<36} {patient.title}", markup=False, soft_wrap=True)


@app.command()
def request(
    patient: Annotated[str, typer.Argument(help="Id of a synthetic patient.")],
    hook: Annotated[str, typer.Option(help="The hook to call.")] = "patient-view",
) -> None:
    """Print the CDS Hooks request an EHR would send for a synthetic patient."""
    sys.stdout.buffer.write(orjson.dumps(patient_of(patient).expand().request(hook), option=orjson.OPT_INDENT_2) + b"\n")


@app.command()
def export(
    format: Annotated[Literal["bundle", "transaction", "ndjson"], typer.Option(help="How the resources are written.")] = "bundle",
    file: Annotated[Path | None, typer.Option("--out", help="Write to this file.")] = None,
) -> None:
    """Print all synthetic patients as FHIR R4, to be loaded into any FHIR server."""
    from cds.sandbox.store import build
    from cds.sandbox.store import export as written

    text = written(build(_patients().values()), format)
    if file is None:
        sys.stdout.write(text)
    else:
        file.write_text(text, encoding="utf-8")


def patient_of(id: str) -> SyntheticPatient:
    """The synthetic patient of this id."""
    patients = _patients()
    if id not in patients:
        raise typer.BadParameter(f"there is no patient {id!r}; see `ranvier patients list`")
    return patients[id]


def _patients() -> dict[str, SyntheticPatient]:
    from cds.vignette.patients import load_patients

    return load_patients(content_root(Settings()) / "seeds" / "patients")

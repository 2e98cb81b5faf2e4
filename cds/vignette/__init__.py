"""Vignettes: a patient in a few readable lines, expanded to FHIR R4 (docs/vignettes.md).

`expand("F34, RRMS since 2019", date(2026, 11, 20)).request("patient-view")` is a whole CDS Hooks request.
"""

from cds.vignette.expand import Vignette, expand
from cds.vignette.lines import Line, VignetteError, format_lines, parse
from cds.vignette.patients import PatientFileError, SyntheticPatient, load_patients

__all__ = [
    "Line",
    "PatientFileError",
    "SyntheticPatient",
    "Vignette",
    "VignetteError",
    "expand",
    "format_lines",
    "load_patients",
    "parse",
]

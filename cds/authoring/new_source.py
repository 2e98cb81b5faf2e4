"""`ranvier content new source`: a skeleton that teaches its fields. What was not read stays out of it."""

from __future__ import annotations

import re
from pathlib import Path

from cds.content import Content
from cds.evidence.load import ContentError

_SKELETON = """\
id: {id}
citation: FILL IN, such as Burt 2019, JAMA # short form for a card, at most 40 characters
title: FILL IN
# Leave out every field that you have not read at the source or a copy of it.
# authors: Burt RK, Balabanov R, et al.
# journal: JAMA
# year: 2019
# volume_pages: 321(2):165-174
identifiers:
  doi: {doi}
  # pmid: '30644983'
  # registration: [NCT00273364]
kind: rct                                # rct, controlled-cohort, cohort, registry, meta-analysis, guideline, label, ...
# n: 110
# population: RRMS, at least two relapses on treatment in the year before; EDSS 2.0 to 6.0
# intervention: what was given, with dose and number
# comparator: what it was compared with
# follow_up: median 2 years
figures:                                 # one entry a result, exactly as printed; claims may use only numbers that stand here
  - id: primary
    measure: FILL IN
    contrast: FILL IN
    value: FILL IN
    # ci: 95% CI 0.02-0.24
    # p: <0.001
    # timepoint: median 2 years
# harms:                                 # same form as figures
# limitations: [open label]
# funding: who paid
verified: [doi]                          # the fields above that were read
read_at: [https://doi.org/{doi}]         # where they were read
"""


def new_source(content: Content, doi: str, area: str, id: str) -> Path:
    """Write the skeleton file. Raises `ContentError` if the id or DOI is malformed or already there."""
    if not re.fullmatch(r"10\.\d{4,9}/\S+", doi):
        raise ContentError(f"{doi!r} is no DOI; it looks like 10.1001/jama.2018.18743, without https://doi.org/")
    if area not in ("ahsct", "cell-therapy", "dmt"):
        raise ContentError(f"there is no area {area!r}; there are ahsct, cell-therapy and dmt")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", id):
        raise ContentError(f"{id!r} is no id; use lower-case letters, digits and hyphens")
    if id in content.evidence.sources:
        raise ContentError(f"the source {id!r} exists already")
    known = [source.id for source in content.evidence.sources.values() if (source.identifiers.doi or "").lower() == doi.lower()]
    if known:
        raise ContentError(f"the DOI {doi} is encoded already, as {known[0]!r}")
    path = content.root / "seeds" / "evidence" / "sources" / area / f"{id}.yaml"
    path.write_text(_SKELETON.format(id=id, doi=doi), encoding="utf-8")
    return path

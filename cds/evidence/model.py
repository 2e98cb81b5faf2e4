"""The evidence base as typed data: source → claim → summary, with drugs, definitions and criteria.

Every statement on a card is a claim; every claim names its sources; a source is citable only with an identifier
(design.md, promise 2). Ids are those of the dossiers.
"""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Certainty = Literal["high", "moderate", "low", "very low"]
Stance = Literal["option", "trialOnly", "notSupported", "caution", "background"]
Topic = Literal[
    "ahsct",
    "dmtInitiation",
    "dmtSwitch",
    "dmtProgressive",
    "dmtDiscontinuation",
    "dmtSafety",
    "dmtEvidence",
    "msc",
    "cellPipeline",
    "cellularImmunotherapy",
    "acuteRelapse",
    "missingData",
    "notMs",
]


class Record(BaseModel):
    """Common to all content: nothing unknown is accepted, nothing is changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Identifiers(Record):
    """How a reader finds the source again. At least one of doi, pmid, pmcid, registration or regulator makes it citable."""

    doi: str | None = None
    pmid: str | None = None
    pmcid: str | None = None
    registration: tuple[str, ...] = ()
    regulator: str | None = Field(None, description="https URL at a medicines regulator, HTA body or public health service")
    url: str | None = Field(None, description="where it was read, when that is none of the above; never enough to be cited")

    @cached_property
    def citable(self) -> bool:
        """Whether a card may cite the source."""
        return bool(self.doi or self.pmid or self.pmcid or self.registration or self.regulator)

    @cached_property
    def link(self) -> str | None:
        """The best https address for a reader."""
        if self.doi:
            return f"https://doi.org/{quote(self.doi, safe='/:;.,-_')}"  # brackets would end a Markdown link
        if self.pmid:
            return f"https://pubmed.ncbi.nlm.nih.gov/{self.pmid}/"
        if self.pmcid:
            return f"https://pmc.ncbi.nlm.nih.gov/articles/{self.pmcid}/"
        if self.regulator:
            return self.regulator
        for number in self.registration:
            if number.startswith("NCT"):
                return f"https://clinicaltrials.gov/study/{number}"
        return self.url


class Figure(Record):
    """One reported result or harm, as the source prints it."""

    id: Id
    measure: str
    contrast: str | None = None
    value: str
    ci: str | None = None
    p: str | None = None
    timepoint: str | None = None


class Eligibility(Record):
    """One selection criterion of a trial, guideline or programme, as read."""

    type: Literal["inclusion", "exclusion"]
    criterion: str
    operator: str | None = None
    value: Any = None
    note: str | None = None


class Correction(Record):
    """A notice on the source. `retracted` and `corrected` take its claims off the cards until `cleared`."""

    status: Literal["retracted", "corrected", "expressionOfConcern"]
    note: str
    cleared: date | None = Field(None, description="day a reviewer looked at it and found the encoded figures unaffected")


class Source(Record):
    """One paper, guideline, label, notice or registry record."""

    id: Id
    citation: str = Field(description="short form for a card, such as `Burt 2019, JAMA`")
    title: str
    authors: str | None = None
    journal: str | None = None
    year: int | None = None
    volume_pages: str | None = None
    identifiers: Identifiers
    kind: str
    n: int | None = None
    population: str | None = None
    intervention: str | None = None
    comparator: str | None = None
    follow_up: str | None = None
    figures: tuple[Figure, ...] = ()
    harms: tuple[Figure, ...] = ()
    eligibility: tuple[Eligibility, ...] = ()
    limitations: tuple[str, ...] = ()
    funding: str | None = None
    conflicts: str | None = None
    correction: Correction | None = None
    verified: tuple[str, ...] = Field(description="what was read at the source or a copy of it")
    read_at: tuple[str, ...] = Field(description="where it was read")
    same_as: Id | None = Field(None, description="another record of the same publication")


class Aspect(Record):
    """One thing that the people of a source had in common, and the condition that such people meet."""

    people: str = Field(description="as it follows `people with`, such as `EDSS 2.0 to 6.0`")
    when: dict[str, Any]


class Studied(Record):
    """Who was studied, where a patient may differ (indirectness)."""

    source: Id
    aspects: tuple[Aspect, ...]


class Claim(Record):
    """One sentence that may stand on a card."""

    id: Id
    sentence: str
    brief: str | None = Field(None, description="the same in at most 130 characters, for the card; the sentence itself if absent")
    area: Literal["ahsct", "cell-therapy", "dmt"]
    therapy: str
    topic: str
    stage: str | None = None
    certainty: Certainty
    certainty_reason: str
    subtypes: tuple[str, ...] = ()
    applies_to: str | None = None
    caveats: tuple[str, ...] = ()
    sources: tuple[Id, ...]


class Sourced(Record):
    """A statement with the sources it was read in; `None` where nothing was read."""

    value: str | tuple[str, ...]
    sources: tuple[Id, ...] = ()


class Drug(Record):
    """One DMT or MS drug: what labels, guidelines and trials say of it. A field that was not verified is absent."""

    id: Id
    name: str
    brands: Sourced | None = None
    mechanism: Sourced | None = None
    route_dose: Sourced | None = None
    status: Sourced | None = None
    indicated_us: Sourced | None = None
    indicated_eu: Sourced | None = None
    efficacy_categories: tuple[Sourced, ...] = ()
    pivotal_trials: tuple[Sourced, ...] = ()
    boxed_warning: Sourced | None = None
    contraindications: Sourced | None = None
    cautions: Sourced | None = None
    pregnancy: Sourced | None = None
    notes: Sourced | None = None
    not_read: tuple[str, ...] = Field((), description="fields on which nothing verified was read, so nothing may be said")


class Definition(Record):
    """A definition of the field (relapse, NEDA, confirmed worsening …) or a Ranvier convention (`basis: judgement`)."""

    id: Id
    name: str
    thresholds: Any
    basis: Literal["sources", "judgement"] = "sources"
    sources: tuple[Id, ...] = ()
    notes: str | None = None


class Risk(Record):
    """A risk, contraindication or screening item of AHSCT."""

    id: Id
    item: str
    kind: str
    detail: str
    sources: tuple[Id, ...]


class Biomarker(Record):
    """A marker measured after cell therapy, with the direction of change and where it was measured."""

    id: Id
    marker: str
    full_name: str
    direction: str
    compartment: str
    therapy: str
    sources: tuple[Id, ...]
    note: str | None = None


class Statement(Record):
    """One statement of a founding document and the claims (or the source record) that carry it."""

    row: int
    statement: str
    claims: tuple[Id, ...] = ()
    source: Id | None = Field(None, description="the source record that carries a bibliographic statement")


class FoundingDocument(Record):
    """One of the three documents the project was founded on, statement by statement."""

    id: Id
    title: str
    source: Id
    statements: tuple[Statement, ...]


class Criterion(Record):
    """A three-valued test of the chart. `when` is a condition over facts (see `cds.evidence.criteria`)."""

    id: Id
    text: str
    when: dict[str, Any]
    basis: tuple[str, ...] = Field(description="ids of claims, definitions, risk items or sources, or `judgement`")
    item: str = Field(description="the datum it asks for, as a clinician names it; shown when it is missing")
    specific: bool = Field(False, description="meets only in a patient with a present problem: failure, activity, breakthrough")
    note: str | None = None


class Position(Record):
    """What one body says of the option, for the side-by-side table."""

    body: str
    claim: Id


class StanceChange(Record):
    """A condition under which the summary speaks with another stance and leads with other claims."""

    when: dict[str, Any]
    stance: Stance
    claims: tuple[Id, ...] = ()


class Summary(Record):
    """An option for a population: what must hold, what speaks for and against, and the claims that carry it."""

    id: Id
    rule: str = Field(description="row of clinical-rules section 2, such as `A1`")
    topic: Topic
    title: str
    population: str
    stance: Stance
    gates: tuple[Id, ...]
    limits: tuple[Id, ...] = ()
    favourable: tuple[Id, ...] = ()
    stance_changes: tuple[StanceChange, ...] = ()
    hooks: tuple[str, ...] = Field((), description="only on these hooks; all when empty")
    claims: tuple[Id, ...]
    gaps: tuple[str, ...] = ()
    ongoing_trials: tuple[Id, ...] = Field((), description="sources that are registered trials")
    positions: tuple[Position, ...] = ()
    certainty: Certainty
    certainty_reason: str
    reviewed: date
    next_review: date

"""The published risk of PML on natalizumab for this chart, from the table of strata (clinical-rules section 4; def-pml-risk).

Figures are per 1,000 people within one period of treatment. Where an input is not known, the range over all strata that are still possible.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Literal

from cds.patient.context import Fact
from cds.patient.reading import count_words, unique
from cds.patient.rules import Rules
from cds.three_valued import Bounds, Truth


class Stratum(Rules):
    """One row of the table: who belongs to it, and the figure of each period; `null` where no figure could be confirmed."""

    antibody: Literal["positive", "negative"]
    prior_immunosuppression: bool
    index: Literal["high", "low"] | None = None
    per_thousand: tuple[float | None, ...]


class PmlRiskRules(Rules):
    """The table (definition `pml-risk-strata`). `periods_until_months`: the last month of each period; the table ends with the last one."""

    periods_until_months: tuple[float, ...]
    high_index_above: float
    strata: tuple[Stratum, ...]


INPUTS = ("jcv.antibody", "jcv.index", "immunosuppression.prior", "natalizumab.exposureMonths")
"""The facts it is computed from."""


def pml_risk_fact(rules: PmlRiskRules, facts: Mapping[str, Fact]) -> Fact:
    """`natalizumab.pmlPerThousand`: unknown without an antibody result, beyond the table, or where the table's figure is not confirmed."""
    antibody, index, prior, exposure = (facts[name] for name in INPUTS)
    resources = unique(resource for fact in (antibody, index, prior, exposure) for resource in fact.resources)

    def unknown(reason: str) -> Fact:
        return Fact(value=None, reason=reason, resources=resources, how="derived")

    if antibody.value is None:
        return unknown(f"PML stratum not known. {antibody.reason}")
    if not isinstance(exposure.value, Bounds):
        return unknown(f"PML stratum not known. {exposure.reason}")
    end = rules.periods_until_months[-1]
    if (exposure.value <= end) is not True:
        doubt = "are" if (exposure.value <= end) is False else "may be"
        return unknown(f"{exposure.reason} More than {end:g} months {doubt} outside the table of PML risk.")
    strata = [stratum for stratum in rules.strata if _fits(stratum, antibody, index, prior, rules)]
    figures = [figure for stratum in strata for figure in _figures(stratum, exposure.value, rules)]
    if not figures or any(figure is None for figure in figures):
        return unknown(f"The table's figure for this stratum of PML risk could not be confirmed. {antibody.reason}")
    known = [figure for figure in figures if figure is not None]
    value = Bounds(min(known), max(known))
    period = _period(exposure.value, rules)
    reason = f"PML {value} per 1,000 in {period} by the table: {_inputs(antibody, index, prior, exposure.value)}."
    return Fact(value=value, reason=reason, resources=resources, date=antibody.date)


def _period(exposure: Bounds, rules: PmlRiskRules) -> str:
    """The periods of the table in which the exposure may lie: `months 25 to 48 of treatment`."""
    begins, ends = 0.0, rules.periods_until_months[-1]
    for until in rules.periods_until_months:
        if exposure.low > until:
            begins = until
        if exposure.high <= until:
            ends = min(ends, until)
    months = f"the first {ends:g} months" if begins == 0 else f"months {begins + 1:g} to {ends:g}"
    return f"{months} of treatment" if exposure.high > 0 else f"{months} if natalizumab is begun"


def _inputs(antibody: Fact, index: Fact, prior: Fact, exposure: Bounds) -> str:
    """What the stratum rests on, in one line."""
    before = {True: "prior immunosuppressant", False: "no prior immunosuppressant recorded"}
    parts = [
        f"JCV antibody {antibody.value} ({antibody.date or 'undated'})",
        f"index {_measured(index.value)}" if isinstance(index.value, Bounds) else "index not known" if antibody.value == "positive" else "",
        before[prior.value] if isinstance(prior.value, bool) else "prior immunosuppressants not known",
        count_words(exposure, "months"),
    ]
    return ", ".join(part for part in parts if part)


def _measured(index: Bounds) -> str:
    """An index to the digits that the laboratory gave: 1.54 lies above a limit of 1.5."""
    return f"{index.exact:.4g}" if index.exact is not None else str(index)


def _fits(stratum: Stratum, antibody: Fact, index: Fact, prior: Fact, rules: PmlRiskRules) -> bool:
    """Whether the chart may belong to the row; an input that is not known rules nothing out."""
    if stratum.antibody != antibody.value or (prior.value is not None and prior.value is not stratum.prior_immunosuppression):
        return False
    high: Truth = index.value > rules.high_index_above if isinstance(index.value, Bounds) else None
    return stratum.index is None or high is None or high is (stratum.index == "high")


def _figures(stratum: Stratum, exposure: Bounds, rules: PmlRiskRules) -> Iterator[float | None]:
    """The figures of every period in which the exposure may lie."""
    begins = -math.inf
    for until, figure in zip(rules.periods_until_months, stratum.per_thousand, strict=True):
        if exposure.low <= until and exposure.high > begins:
            yield figure
        begins = until

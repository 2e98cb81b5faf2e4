"""MAGNIMS and modified Rio score (clinical-rules F10): interferon only, after twelve months."""

import pytest
from activity_charts import AS_OF, day
from msgspec.structs import replace
from reading_charts import definitions

from cds.fhir.dates import DateRange
from cds.patient.activity.relapse_history import Assessment, RelapseHistory
from cds.patient.activity.response_scores import ResponseScoreRules, response_scores
from cds.patient.context import Episode, Relapse, Scan
from cds.three_valued import Bounds

START = DateRange.parse("2024-01-10")
INTERFERON = Episode(
    drug="interferon-beta-1a", name="interferon beta-1a", tier="moderate", tier_reason="", start=START, end=None, ongoing=True, doses=(),
    phase="acting", acts_until=day("2027-01-01"), wash_in_ends=day("2024-07-10"), window_ends=None, induction_incomplete=False,
    outcome="ongoing", failure_kind=None, failed_on=None, early=False, stop_reason=None, reason="", resources=(), how="coded",
)  # fmt: skip
SEEN = Assessment(date=DateRange.parse("2025-02-01"), what="visit", resources=())


def relapse(on):
    return Relapse(onset=DateRange.parse(on), status="relapse", resources=(f"Condition/{on}",), how="coded")


def scan(on, new_t2):
    return Scan(
        date=DateRange.parse(on), gd_lesions=None, new_t2_lesions=new_t2, compared_with=None, marked_t2_increase=None, clean=None,
        counts=True, resources=(f"DiagnosticReport/{on}",), how="coded",
    )  # fmt: skip


def scores(relapses=(), scans=(), episode=INTERFERON, complete=True):
    history = RelapseHistory(relapses=tuple(map(relapse, relapses)), assessments=(SEEN,), complete=complete)
    found = response_scores([episode], history, scans, ResponseScoreRules.of(definitions()), AS_OF)
    return {score.name: score.points for score in found}


@pytest.mark.parametrize(
    ("relapses", "new_t2", "magnims", "rio"),
    [
        ((), 2, 0, 0),
        ((), 3, 1, 0),
        ((), 6, 1, 1),
        (("2024-05-01",), 2, 1, 1),
        (("2024-05-01",), 3, 2, 1),
        (("2024-05-01",), 6, 2, 2),
        (("2024-05-01", "2024-09-01"), 0, 2, 2),
        (("2024-05-01", "2024-09-01"), 6, 2, 3),
        (("2025-05-01",), 0, 0, 0),
    ],
)
def test_points(relapses, new_t2, magnims, rio):
    points = scores(relapses, [scan("2025-01-15", Bounds.exactly(new_t2))])
    assert points == {"MAGNIMS score": Bounds.exactly(magnims), "modified Rio score": Bounds.exactly(rio)}


def test_without_a_scan_at_twelve_months_lesions_are_not_known():
    assert scores((), [scan("2024-05-15", Bounds.exactly(6))]) == {"MAGNIMS score": Bounds(0, 1), "modified Rio score": Bounds(0, 1)}


def test_an_incomplete_history_may_hold_more_relapses():
    points = scores((), [scan("2025-01-15", Bounds.exactly(0))], complete=False)
    assert points == {"MAGNIMS score": Bounds(0, 2), "modified Rio score": Bounds(0, 2)}


@pytest.mark.parametrize(
    "change",
    [
        {"drug": "glatiramer"},
        {"drug": "ocrelizumab"},
        {"start": None},
        {"start": DateRange.parse("2026-02-01")},
        {"end": DateRange.parse("2024-08-01")},
    ],
)
def test_only_interferon_of_a_full_year_has_a_score(change):
    assert scores(episode=replace(INTERFERON, **change)) == {}

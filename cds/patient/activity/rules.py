"""The rules of reading MS activity (clinical-rules F4–F7) as frozen, typed models.

The data stand in `seeds/evidence/definitions/activity` and `reading`; Python knows how they are applied, never what they say.
"""

from __future__ import annotations

from typing import TypedDict

from msgspec import Struct

from cds.patient.activity.relapse_text import NarrativeReader
from cds.patient.activity.report_text import ReportReader
from cds.patient.rules import Definitions, Pattern, Rules, RulesError, parse_rules
from cds.patient.treatment.rules import Statuses
from cds.patient.words.numbers import NumberWords
from cds.patient.words.vocabulary import NarrativeWords, Numbers, ReportWords


class Merging(Rules):
    """`ranvier-relapse-merging`."""

    within_days: int


class Onset(Rules):
    """`ranvier-relapse-onset`."""

    days_before_encounter: int


class PseudoRelapse(Rules):
    """`ranvier-pseudo-relapse`. A body temperature of `fahrenheit_from` or more is in degrees Fahrenheit, whatever its unit is called."""

    infection_days_before: int
    infection_days_after: int
    fever_celsius: float
    fahrenheit_from: float
    mri_days_after: int


class Around(Rules):
    """Days before and after an event."""

    days_before: int
    days_after: int


class SteroidCourseRules(Rules):
    """`ranvier-steroid-course`."""

    value_set: str
    high_dose_mg: float
    course_days: int
    explained_by_relapse: Around
    name: Pattern
    low_dose_products: Pattern
    dose: Pattern
    every_hours: Pattern
    times_a_day: dict[Pattern, int]


class Months(Rules):
    """A look-back in calendar months."""

    months: int


class Coverage(Rules):
    """How closely contacts must follow one another for a count over a window to be exact."""

    months: int
    longest_gap_months: int
    fewest_contacts: int


class RelapseAssessment(Rules):
    """`ranvier-relapse-assessment`."""

    latest_assessment_months: int
    windows: tuple[Coverage, ...]

    def window(self, months: int) -> Coverage:
        """The rule for a window. Raises `RulesError` if there is none."""
        for coverage in self.windows:
            if coverage.months == months:
                return coverage
        raise RulesError(f"definition 'ranvier-relapse-assessment': no window of {months} months")


class ActivityCodes(Rules):
    """`ranvier-activity-codes`."""

    value_set: str
    active: tuple[str, ...]
    not_active: tuple[str, ...]


class MriAssessment(Rules):
    """`ranvier-mri-assessment`."""

    months: int
    latest_scan_months: int


class RecordReading(Rules):
    """`ranvier-activity-records`: which records are read, and the words that tell what a record without a known code is about."""

    final: tuple[str, ...]
    provisional: tuple[str, ...]
    answer_words: int
    visited: tuple[str, ...]
    visited_before_today: tuple[str, ...]
    neurology: Pattern
    neurology_value_sets: tuple[str, ...]
    not_assessed: Pattern
    relapse_value_set: str
    relapse_name: tuple[Pattern, ...]
    relapse_name_not: tuple[Pattern, ...]
    relapse_before: Pattern
    relapse_explained_months: int
    relapse_doubt: Pattern
    syndrome_value_set: str
    syndrome_codes: tuple[str, ...]
    syndrome_name: Pattern
    syndrome_name_not: Pattern
    relapse_count_value_set: str
    relapse_count_name: Pattern
    count_period: Pattern
    infection_value_sets: tuple[str, ...]
    infection_name: tuple[Pattern, ...]
    infection_name_not: tuple[Pattern, ...]
    temperature_name: Pattern
    temperature_codes: tuple[str, ...]


class ImagingRecords(Rules):
    """`ranvier-imaging-records`: which reports and observations are MRI of the brain or cord, and which count lesions."""

    brain_value_sets: tuple[str, ...]
    cord_value_sets: tuple[str, ...]
    unread_statuses: tuple[str, ...]
    done: tuple[str, ...]
    report_within_days: int
    brain_name: Pattern
    cord_name: Pattern
    other_modality: Pattern
    gd_value_set: str
    gd_name: Pattern
    t2_value_set: str
    t2_name: Pattern
    new_name: Pattern
    enlarging_name: Pattern
    count_name_not: Pattern
    count_context: Pattern
    count_categories: tuple[str, ...]
    radiology_name: Pattern
    heading_reach: int


class EdssRecords(Rules):
    """`ranvier-edss-records`: which observations and words give an EDSS."""

    value_set: str
    name: Pattern
    name_not: Pattern
    self_rated: Pattern
    value: Pattern
    text: Pattern
    text_not: Pattern


class ChartRecords(Struct, frozen=True, kw_only=True):
    """Which records are read, for activity and for disability."""

    records: RecordReading
    imaging: ImagingRecords
    edss: EdssRecords


class _ChartRecords(TypedDict):
    records: RecordReading
    imaging: ImagingRecords
    edss: EdssRecords


def chart_records(definitions: Definitions) -> _ChartRecords:
    """The rules of `ChartRecords`. Raises `RulesError` if a definition is missing or a field does not fit."""
    return {
        "records": parse_rules(RecordReading, definitions, "ranvier-activity-records"),
        "imaging": parse_rules(ImagingRecords, definitions, "ranvier-imaging-records"),
        "edss": parse_rules(EdssRecords, definitions, "ranvier-edss-records"),
    }


class ActivityRules(ChartRecords, frozen=True, kw_only=True):
    """All rules of reading relapses, MRI and activity."""

    merging: Merging
    onset: Onset
    pseudo_relapse: PseudoRelapse
    steroids: SteroidCourseRules
    latest: Months
    assessment: RelapseAssessment
    look_back: Months
    codes: ActivityCodes
    mri: MriAssessment
    medication_statuses: Statuses
    numbers: NumberWords
    reports: ReportReader
    narratives: NarrativeReader

    @classmethod
    def of(cls, definitions: Definitions) -> ActivityRules:
        """Parse the rules from the thresholds of all definitions, by id.

        Raises `RulesError` if a definition is missing or a field does not fit.
        """
        numbers = parse_rules(Numbers, definitions, "ranvier-reading-numbers")
        return cls(
            merging=parse_rules(Merging, definitions, "ranvier-relapse-merging"),
            onset=parse_rules(Onset, definitions, "ranvier-relapse-onset"),
            pseudo_relapse=parse_rules(PseudoRelapse, definitions, "ranvier-pseudo-relapse"),
            steroids=parse_rules(SteroidCourseRules, definitions, "ranvier-steroid-course"),
            latest=parse_rules(Months, definitions, "ranvier-relapse-latest"),
            assessment=parse_rules(RelapseAssessment, definitions, "ranvier-relapse-assessment"),
            look_back=parse_rules(Months, definitions, "ranvier-activity-look-back"),
            codes=parse_rules(ActivityCodes, definitions, "ranvier-activity-codes"),
            mri=parse_rules(MriAssessment, definitions, "ranvier-mri-assessment"),
            **chart_records(definitions),
            medication_statuses=parse_rules(Statuses, definitions, "ranvier-treatment-statuses"),
            numbers=NumberWords.of(numbers),
            reports=ReportReader.of(parse_rules(ReportWords, definitions, "ranvier-reading-mri"), numbers),
            narratives=NarrativeReader.of(parse_rules(NarrativeWords, definitions, "ranvier-reading-relapses"), numbers),
        )

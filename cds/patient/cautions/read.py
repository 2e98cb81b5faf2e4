"""Everything in the chart that bears on safety: each finding with value, date, source and age (clinical-rules F19, section 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import NamedTuple

from msgspec.structs import replace

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.patient.cautions.allergies import AllergyRules, allergy_facts
from cds.patient.cautions.genotype import GenotypeRules, genotype_fact
from cds.patient.cautions.laboratory import LaboratoryRules, measured_facts
from cds.patient.cautions.malignancy import MalignancyRules, malignancy_fact
from cds.patient.cautions.mitoxantrone import MitoxantroneRules, cumulative_dose
from cds.patient.cautions.pml import PmlRules, pml_fact
from cds.patient.cautions.recorded import Recorded, recorded_fact, weigh
from cds.patient.cautions.serology import (
    Finding,
    SerologyRules,
    contradictions,
    finding,
    infection_fact,
    serology_cautions,
    stale,
    test_fact,
)
from cds.patient.context import Caution, Conflict, Fact
from cds.patient.reading import Reading, count_words, months_since
from cds.patient.records.comedication import MedicineRules, medicines, running_fact
from cds.patient.records.conditions import Diagnosed, absent, doubted, read_conditions
from cds.patient.records.mentions import Text
from cds.patient.records.results import Result, ResultRules, Unread, read_observations, results_of, unread_results
from cds.patient.records.unread import nameless
from cds.patient.rules import Definitions, Pattern, Rules, found, parse_rules, without

SINGLE_TESTS = {"jcv.antibody": "jcvAntibody", "caution.vzvIgg": "vzvIgg"}
"""Facts that are the word of one test."""
PAST = "past"
"""The stage of an infection that is over; what may be going on is not over."""


class RecordedRules(Rules):
    """Flags from diagnoses by fact name, and the flag that takes another back (definition `caution-recorded`).

    `not_words` say that a whole entry is of no disease of the patient; `denied_words` match just what is denied in it. `whole_systems` are
    the code systems in which a code of none of the value sets means something else.
    """

    facts: dict[str, tuple[Recorded, ...]]
    unless: dict[str, str]
    infections: dict[str, dict[str, tuple[Recorded, ...]]]
    not_words: tuple[Pattern, ...]
    denied_words: tuple[Pattern, ...]
    doubt_words: tuple[Pattern, ...]
    whole_systems: tuple[str, ...]

    @cached_property
    def every(self) -> tuple[Recorded, ...]:
        """All rules, those of infections included."""
        flags = [rule for several in self.facts.values() for rule in several]
        return (*flags, *(rule for stages in self.infections.values() for several in stages.values() for rule in several))

    @cached_property
    def words(self) -> tuple[Pattern, ...]:
        """The words of all rules."""
        return tuple(pattern for rule in self.every for pattern in rule.words)

    @cached_property
    def in_order(self) -> tuple[str, ...]:
        """The flags by name; those that another takes back come after it."""
        return tuple(sorted(self.facts, key=lambda name: name in self.unless))


class CoMedicationRules(Rules):
    """Medicines whose use is a caution, by fact name (definition `caution-co-medication`)."""

    class Use(Rules):
        """One medicine or class."""

        name: str
        sets: tuple[str, ...]

    facts: dict[str, Use]


class CautionRules(NamedTuple):
    """All rules of cautions, and the value sets that they ask of Conditions and of Observations."""

    recorded: RecordedRules
    laboratory: LaboratoryRules
    results: ResultRules
    serology: SerologyRules
    malignancy: MalignancyRules
    pml: PmlRules
    allergies: AllergyRules
    medicines: MedicineRules
    co_medication: CoMedicationRules
    genotype: GenotypeRules
    mitoxantrone: MitoxantroneRules
    condition_sets: tuple[str, ...]
    test_sets: tuple[str, ...]

    @classmethod
    def of(cls, definitions: Definitions) -> CautionRules:
        """Parse them. Raises `RulesError` naming the definition and the field that does not fit."""
        recorded = parse_rules(RecordedRules, definitions, "caution-recorded")
        laboratory = parse_rules(LaboratoryRules, definitions, "caution-laboratory")
        serology = parse_rules(SerologyRules, definitions, "caution-serology")
        malignancy = parse_rules(MalignancyRules, definitions, "caution-malignancy")
        pml = parse_rules(PmlRules, definitions, "caution-pml")
        genotype = parse_rules(GenotypeRules, definitions, "caution-cyp2c9")
        diagnosed = (name for rule in recorded.every for name in rule.sets)
        assayed = (name for assay in serology.tests.values() for name in (*assay.sets, *assay.bands_of))
        measured = (name for measure in laboratory.values.values() for name in (*measure.sets, *measure.worded_sets))
        return cls(
            recorded,
            laboratory,
            parse_rules(ResultRules, definitions, "caution-results"),
            serology,
            malignancy,
            pml,
            parse_rules(AllergyRules, definitions, "caution-allergies"),
            parse_rules(MedicineRules, definitions, "caution-medicines"),
            parse_rules(CoMedicationRules, definitions, "caution-co-medication"),
            genotype,
            parse_rules(MitoxantroneRules, definitions, "caution-mitoxantrone"),
            condition_sets=tuple(dict.fromkeys([*diagnosed, *malignancy.sets, *pml.sets])),
            test_sets=tuple(dict.fromkeys([*assayed, *measured, *pml.csf_sets, *genotype.sets])),
        )


def caution_facts(chart: Chart, terminology: Terminology, rules: CautionRules, texts: Sequence[Text], as_of: date) -> Reading:
    """The facts of sections Cautions and Safety, a caution for each finding, and the tests that contradict themselves.

    A diagnosis absent from a problem list that was read whole is not recorded; a test never done is unknown.
    Every resource is matched once.
    """
    recorded = rules.recorded
    read = read_conditions(chart, terminology, *rules.condition_sets, worded=recorded.words, unless=recorded.not_words)
    conditions = tuple(doubted(record, recorded.doubt_words) for record in read)
    affirmed = tuple(_affirmed(record, recorded) for record in conditions)
    observed = read_observations(chart, terminology, rules.results, as_of, *rules.test_sets)
    results = results_of(observed, rules.results)
    unread = unread_results(chart, terminology, *rules.test_sets)
    flags = _recorded(chart, terminology, recorded, affirmed, as_of)
    flags["malignancy"] = malignancy_fact(chart, terminology, rules.malignancy, conditions)
    flags["pml"] = pml_fact(chart, terminology, rules.pml, conditions, results, unread, texts, as_of)
    unnamed = nameless(chart, terminology, "Condition", recorded.whole_systems)
    if unnamed:
        flags = {name: _left_open(fact, unnamed) for name, fact in flags.items()}
    flags |= _taken(chart, terminology, rules, as_of)
    serology, old, conflicts = _serology(chart, terminology, rules, affirmed, results, unread, bool(unnamed), as_of)
    serology["caution.cyp2c9"] = genotype_fact(observed, texts, rules.genotype, unread)
    measured, values = measured_facts(rules.laboratory, results, texts, unread, as_of)
    allergies, hypersensitivities = allergy_facts(chart, terminology, rules.allergies)
    cautions = (*_flagged(flags), *serology_cautions(serology, old), *values, *hypersensitivities)
    return Reading({**flags, **serology, **measured, **allergies}, cautions, conflicts)


def _affirmed(record: Diagnosed, rules: RecordedRules) -> Diagnosed:
    """The record without the words that it denies: of "cirrhosis without ascites" the cirrhosis stays."""
    text = "" if found(rules.not_words, record.text) else without(rules.denied_words, record.text)
    return record if text == record.text else replace(record, text=text)


def _left_open(fact: Fact, why: str) -> Fact:
    """What no record speaks of is not known where a record cannot be understood."""
    return replace(fact, value=None, reason=f"{why} {fact.reason}") if fact.value in (False, "none") and not fact.resources else fact


def _recorded(
    chart: Chart, terminology: Terminology, rules: RecordedRules, conditions: Sequence[Diagnosed], as_of: date
) -> dict[str, Fact]:
    """Flags from diagnoses."""
    facts: dict[str, Fact] = {}
    for name in rules.in_order:
        taken_back = facts[rules.unless[name]] if name in rules.unless else None
        facts[name] = recorded_fact(chart, terminology, rules.facts[name], conditions, as_of, taken_back)
    return facts


def _taken(chart: Chart, terminology: Terminology, rules: CautionRules, as_of: date) -> dict[str, Fact]:
    """Medicines that are taken, and the mitoxantrone given so far."""
    sets = tuple(dict.fromkeys(name for use in rules.co_medication.facts.values() for name in use.sets))
    taken = medicines(chart, terminology, rules.medicines, as_of, *sets)
    facts = {name: running_fact(chart, terminology, taken, use.name, *use.sets) for name, use in rules.co_medication.facts.items()}
    return {**facts, "caution.mitoxantroneCumulative": cumulative_dose(chart, terminology, rules.mitoxantrone, as_of)}


def _flagged(facts: Mapping[str, Fact]) -> tuple[Caution, ...]:
    """A caution for each recorded finding; what is not recorded is none."""
    return tuple(
        Caution(id=name, status=_status(fact), text=fact.reason, resources=fact.resources, date=fact.date, how=fact.how)
        for name, fact in facts.items()
        if fact.resources and fact.value is not False
    )


def _status(fact: Fact) -> str:
    return "unknown" if fact.value is None else "recorded" if fact.value is True else str(fact.value)


def _serology(
    chart: Chart,
    terminology: Terminology,
    rules: CautionRules,
    conditions: Sequence[Diagnosed],
    results: Sequence[Result],
    unread: Unread,
    unnamed: bool,
    as_of: date,
) -> tuple[dict[str, Fact], frozenset[str], tuple[Conflict, ...]]:
    tests = {key: finding(assay, results, unread, as_of) for key, assay in rules.serology.tests.items()}
    facts = {name: _infection(chart, terminology, rules, name, conditions, tests, unnamed, as_of) for name in rules.recorded.infections}
    months = rules.serology.stale_after_months
    for name, test in SINGLE_TESTS.items():
        facts[name] = test_fact(tests[test], as_of, months)
    facts["caution.jcv.monthsAgo"] = _months_ago(tests["jcvAntibody"], as_of)
    used = {name: rules.serology.tests_of[name] for name in rules.recorded.infections}
    used |= {name: frozenset({test}) for name, test in SINGLE_TESTS.items()}
    old = frozenset(name for name, keys in used.items() if any(stale(tests[key], as_of, months) for key in keys))
    return facts, old, contradictions(tests)


def _months_ago(found: Finding, as_of: date) -> Fact:
    if found.date is None or found.unread:
        reason = f"Not every {found.assay.name} could be read." if found.unread else f"No dated {found.assay.name} found."
        return Fact(value=None, reason=reason, resources=found.resources, how="notFound")
    months = months_since(found.date, as_of)
    reason = f"Last {found.assay.name} on {found.date}, {count_words(months, 'months')} ago."
    return Fact(value=months, reason=reason, resources=found.resources, date=found.date, how=found.how)


def _infection(
    chart: Chart,
    terminology: Terminology,
    rules: CautionRules,
    name: str,
    conditions: Sequence[Diagnosed],
    tests: Mapping[str, Finding],
    unnamed: bool,
    as_of: date,
) -> Fact:
    """One infection by its pattern table, from its own tests and what is diagnosed."""
    stages = rules.recorded.infections[name]
    sets = tuple(dict.fromkeys(s for several in stages.values() for rule in several for s in rule.sets))
    weighed = {stage: [weigh(rule, conditions, as_of) for rule in several] for stage, several in stages.items()}
    said = next((stage for stage, found in weighed.items() if any(one.truth is True for one in found)), None)
    if said == PAST and any(one.truth is None for found in weighed.values() for one in found):
        said = None
    evidence = [one for found in weighed.values() for one in found if one.truth is not False]
    if said is None:
        open_ = bool(evidence) or unnamed or absent(chart, terminology, *sets) is None
        said = "possible" if open_ else "none"
    own = {key: found for key, found in tests.items() if key in rules.serology.tests_of[name]}
    return infection_fact(name_of(name), rules.serology, name, own, said, evidence, as_of)


def name_of(fact: str) -> str:
    """A fact's name for a sentence: `hepatitisB` is Hepatitis B."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", fact.removeprefix("caution."))
    return spaced.upper() if spaced == "hiv" else spaced[0].upper() + spaced[1:]

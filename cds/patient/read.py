"""Chart → PatientContext: the readers in their order, each building on the one before (clinical-rules section 1).

cell therapy → treatment courses → diagnosis → person → cautions → scans → relapses → disability → outcomes → treatment facts
"""

from __future__ import annotations

from datetime import date
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.patient.activity.facts import activity_conflicts, activity_facts
from cds.patient.activity.imaging import read_scans
from cds.patient.activity.relapses import read_relapses
from cds.patient.activity.response_scores import ResponseScoreRules, response_scores
from cds.patient.activity.rules import ActivityRules
from cds.patient.cautions.pml import pml_from
from cds.patient.cautions.pml_risk import PmlRiskRules, pml_risk_fact
from cds.patient.cautions.read import CautionRules, caution_facts
from cds.patient.cell_therapy import AllCellTherapyRules, cell_therapy_facts, with_mentions
from cds.patient.context import Fact, PatientContext
from cds.patient.diagnosis.duration import open_to_syndromes
from cds.patient.diagnosis.read import DiagnosisRules, diagnosis_facts, read_diagnosis
from cds.patient.disability.facts import disability_facts, read_edss
from cds.patient.disability.rules import DisabilityRules
from cds.patient.disability.worsening import confirmed, possible_worsenings, read_worsenings
from cds.patient.orders import Trigger, order_facts
from cds.patient.person.read import PersonRules, person_facts
from cds.patient.reading import Reading, one_line
from cds.patient.records.mentions import texts_of
from cds.patient.rules import Definitions, parse_rules
from cds.patient.treatment.drug_facts import mentioned_immunosuppressants
from cds.patient.treatment.read import Exposures, judge_outcomes, judged_episodes, read_exposures, treatment_facts
from cds.patient.treatment.read import with_mentions as with_mentioned_drugs
from cds.patient.treatment.rules import TreatmentRules


class ReadingRules(Struct, frozen=True):
    """Every threshold, window and pattern of reading, from `seeds/evidence/definitions`."""

    diagnosis: DiagnosisRules
    person: PersonRules
    cautions: CautionRules
    cell_therapy: AllCellTherapyRules
    treatment: TreatmentRules
    activity: ActivityRules
    disability: DisabilityRules
    response_scores: ResponseScoreRules
    pml_risk: PmlRiskRules

    @classmethod
    def of(cls, definitions: Definitions, efficacy_list: str | None = None) -> ReadingRules:
        """Parse them all; `efficacy_list` is the one list of efficacy classes that a site reads (F15).

        Raises `RulesError` naming the definition and the field that does not fit.
        """
        return cls(
            diagnosis=DiagnosisRules.of(definitions),
            person=PersonRules.of(definitions),
            cautions=CautionRules.of(definitions),
            cell_therapy=AllCellTherapyRules.of(definitions),
            treatment=TreatmentRules.of(definitions, efficacy_list),
            activity=ActivityRules.of(definitions),
            disability=DisabilityRules.of(definitions),
            response_scores=ResponseScoreRules.of(definitions),
            pml_risk=parse_rules(PmlRiskRules, definitions, "pml-risk-strata"),
        )


AUTOLOGOUS = ("autologousForMs", "autologousIndicationUnknown")
"""Kinds of transplantation that end what was taken before, where `priorHsct.forMs` holds (F17)."""


class Knowledge(Protocol):
    """What reading needs to know: codes and rules."""

    @property
    def terminology(self) -> Terminology:
        """Codes and words."""
        ...

    @property
    def rules(self) -> ReadingRules:
        """Thresholds, windows and patterns."""
        ...


class Opening(Struct, frozen=True):
    """What is read first: enough to say whether the patient has MS."""

    cells: Reading
    exposures: Exposures
    diagnosis: Reading


def read_opening(chart: Chart, as_of: date, knowledge: Knowledge) -> Opening:
    """Cell therapy, treatment courses and diagnosis. In a chart without records nothing of it rests on the Patient."""
    terminology, rules = knowledge.terminology, knowledge.rules
    cells = cell_therapy_facts(chart, terminology, rules.cell_therapy, as_of)
    for_ms = cells.facts["priorHsct.forMs"].value is True
    transplants = [c.date for c in cells.cautions if c.status in AUTOLOGOUS and c.date is not None] if for_ms else []
    exposures = read_exposures(chart, terminology, rules.treatment, as_of, transplants)
    diagnosis = diagnosis_facts(read_diagnosis(chart, terminology, rules.diagnosis, as_of, exposures.dmt_running, exposures.dmt_records))
    return Opening(cells, exposures, diagnosis)


def read_patient(chart: Chart, as_of: date, knowledge: Knowledge, trigger: Trigger, opening: Opening | None = None) -> PatientContext:
    """Everything the chart says on the day of the advice: every fact of the catalogue, with the records behind them.

    `opening`: what `read_opening` gave for the same chart and day, where it was asked before.
    """
    terminology, rules = knowledge.terminology, knowledge.rules
    opening = opening or read_opening(chart, as_of, knowledge)
    cells, exposures, diagnosis = opening.cells, opening.exposures, opening.diagnosis
    person = person_facts(chart, terminology, rules.person, as_of)
    texts = texts_of(chart, rules.cautions.results.statuses, as_of)
    cells = with_mentions(cells, texts, rules.cell_therapy.cells)
    exposures = with_mentioned_drugs(exposures, chart, texts, terminology, rules.treatment)
    cautions = caution_facts(chart, terminology, rules.cautions, texts, as_of)

    suspected = pml_from(chart, terminology, rules.cautions.pml, rules.cautions.results, texts, as_of)
    scans = read_scans(chart, terminology, rules.activity, as_of, suspected)
    history = read_relapses(chart, terminology, rules.activity, as_of, scans)
    scores = read_edss(chart, terminology, rules.disability, as_of, history.relapses)
    rises = read_worsenings(scores, history, exposures.episodes, rules.disability, as_of)
    worsenings = confirmed(rises)
    unread = (history.mri_open or history.why_open).rstrip(".")
    perhaps = (*worsenings, *possible_worsenings(worsenings, scores, history, exposures.episodes, rules.disability, as_of))
    verdicts = judge_outcomes(exposures, history.relapses, scans, perhaps, rules.treatment, unread)
    episodes = judged_episodes(verdicts, as_of)

    facts: dict[str, Fact] = {
        **diagnosis.facts,
        **person.facts,
        **activity_facts(history, scans, episodes, rules.activity, as_of),
        **disability_facts(scores, rises, history, episodes, rules.disability, as_of),
        **cells.facts,
        **cautions.facts,
        **order_facts(trigger),
    }
    facts["disease.durationYears"] = open_to_syndromes(facts["disease.durationYears"], history.by_syndrome, as_of)
    facts |= treatment_facts(exposures, verdicts, facts, rules.treatment)
    facts["immunosuppression.prior"] = mentioned_immunosuppressants(facts["immunosuppression.prior"], texts, rules.treatment)
    facts["natalizumab.pmlPerThousand"] = pml_risk_fact(rules.pml_risk, facts)
    conflicts = (
        *diagnosis.conflicts,
        *person.conflicts,
        *exposures.conflicts,
        *cells.conflicts,
        *cautions.conflicts,
        *activity_conflicts(history, scans, rules.activity, as_of),
    )
    return PatientContext(
        as_of=as_of,
        facts={name: fact if fact.reason.isprintable() else replace(fact, reason=one_line(fact.reason)) for name, fact in facts.items()},
        treatments=episodes,
        relapses=history.relapses,
        scans=scans,
        edss_scores=scores,
        response_scores=response_scores(episodes, history, scans, rules.response_scores, as_of),
        cautions=(*person.cautions, *diagnosis.cautions, *cells.cautions, *cautions.cautions),
        conflicts=tuple(replace(conflict, text=one_line(conflict.text)) for conflict in conflicts),
        not_read=chart.not_read,
    )

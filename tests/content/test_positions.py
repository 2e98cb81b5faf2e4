"""Where bodies differ, a card names both and what each says, side by side."""

from datetime import date

import pytest

from cds.advice import advise
from cds.content import load_content
from cds.explain_input import chart_of_request
from cds.vignette import expand
from cds.vignette.patients import load_patients

CONTENT = load_content()
PATIENTS = load_patients(CONTENT.root / "seeds" / "patients")
SUMMARIES = CONTENT.evidence.summaries
DAY = date(2026, 11, 20)
DIFFER = ("A1", "A1d", "A3", "A3t", "I1", "M1", "P1", "P2", "P3", "P4", "R1", "S1", "S2", "S4")
"""Rules of which two bodies have a position that a card can cite."""


def cards_for(text, hook="patient-view"):
    chart, trigger = chart_of_request(expand(text, DAY).request(hook), CONTENT)
    return advise(CONTENT, chart, trigger, DAY).cards


def cards_of(patient):
    chart, trigger = chart_of_request(patient.expand().request("patient-view"), CONTENT)
    return advise(CONTENT, chart, trigger, patient.as_of).cards


CARDS = {(id, card.rule): card for id, patient in PATIENTS.items() for card in cards_of(patient)}
UNCHANGED = [
    pytest.param(card, id=f"{id}-{rule}")
    for (id, rule), card in CARDS.items()
    if rule in DIFFER and card.stance == SUMMARIES[card.name].stance
]


@pytest.mark.parametrize("card", UNCHANGED)
def test_two_bodies_are_named_with_what_they_say(card):
    shown = {claim.id for claim in card.claims}
    positions = SUMMARIES[card.name].positions
    assert len({position.body for position in positions}) >= 2
    assert sum(position.claim in shown and position.body in card.detail for position in positions) >= 2


def test_every_topic_where_bodies_differ_speaks_for_some_patient():
    assert {param.values[0].rule for param in UNCHANGED} == set(DIFFER)


def test_every_summary_with_two_positions_is_among_them():
    assert {summary.rule for summary in SUMMARIES.values() if len(summary.positions) > 1} == set(DIFFER)


@pytest.mark.parametrize(
    ("patient", "topic", "words"),
    [
        (
            "untreated-rrms",
            "dmtInitiation",
            ["ECTRIMS/EAN 2018 favors early treatment", "Spanish consensus 2023 allows high-efficacy drugs from onset"],
        ),
        ("dmf-failure", "dmtSwitch", ["AAN 2018 (Level B)", "No accepted standard", "MAGNIMS panel"]),
        ("two-high-efficacy-failures", "dmtSwitch", ["AAN 2018 (Level B)", "No accepted standard", "MAGNIMS panel"]),
        ("ocrelizumab-failure", "ahsct", ["[ECTRIMS-EBMT 2025]", "[ASBMT 2019]", "[US National MS Society]"]),
        ("active-spms-siponimod", "ahsct", ["ECTRIMS-EBMT 2025", "[EBMT-JACIE]"]),
        ("early-active-ppms", "dmtProgressive", ["US label, adults", "EU label, early"]),
        ("active-spms-siponimod", "dmtProgressive", ["US label, relapsing forms", "EU label, SPMS with active disease"]),
        ("stopped-for-jcv", "dmtSwitch", ["(CMSC)", "(MAGNIMS)", "AAN 2018 (digests)"]),
        ("msc-at-a-paid-clinic", "msc", ["EBMT-JACIE and US National MS Society"]),
    ],
)
def test_what_each_body_says(patient, topic, words):
    detail = next(card.detail for card in cards_of(PATIENTS[patient]) if card.topic == topic)
    assert [word for word in words if word not in detail] == []


def test_lists_of_efficacy_that_differ_on_a_drug_are_named():
    scans = "MRI 2024-07: clean\nMRI 2026-09: 3 new T2, 1 Gd (vs 2024-07)"
    cards = cards_for(f"M38, RRMS since 2019\nfingolimod since 2024-01\n{scans}\nEDSS 2.0 on 2026-09-20")
    assert {card.topic for card in cards} == {"ahsct", "dmtSwitch"}
    assert all("ABN 2015" in card.detail and "Selmaj 2023" in card.detail for card in cards)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("natalizumab", ["every 3-6 (CMSC) or 3-4 months (MAGNIMS)"]),
        ("alemtuzumab", ["- US: Adults with RRMS", "- EU: RRMS highly active despite at least one"]),
        (
            "ocrelizumab",
            ["- US: Relapsing MS and primary progressive MS (PPMS) in adults", "- EU: Active relapsing MS; early PPMS with imaging"],
        ),
        ("dimethyl fumarate", ["US before, at 6 months, then every 6-12 months; EMA 2015 every 3 months"]),
    ],
)
def test_labels_and_schedules_that_differ_stand_side_by_side_at_an_order(order, words):
    detail = "\n".join(card.detail for card in cards_for(f"M34, RRMS since 2020\norder {order}", "order-select"))
    assert [word for word in words if word not in detail] == []


@pytest.mark.parametrize(
    ("drug", "words"),
    [
        ("dimethyl fumarate", "Review tables disagree: no washout needed in one, contraindicated in pregnancy in the other."),
        ("ofatumumab", "German-area table: until pregnancy"),
    ],
)
def test_sources_that_conflict_on_pregnancy_are_both_told(drug, words):
    detail = "\n".join(card.detail for card in cards_for(f"F30, RRMS since 2020, 9 weeks pregnant\n{drug} since 2024-03"))
    assert words.removesuffix(".") in detail

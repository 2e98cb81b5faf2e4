"""A card fits the chart it is shown for: no trial of another course of MS, no dispute of lists about a drug on which they agree."""

import pytest

from cds.advice import advise
from cds.content import load_content
from cds.explain_input import chart_of_request
from cds.vignette.patients import load_patients

CONTENT = load_content()
PATIENTS = load_patients(CONTENT.root / "seeds" / "patients")


def claims_of(id, rule):
    patient = PATIENTS[id]
    chart, trigger = chart_of_request(patient.expand().request(patient.hook), CONTENT)
    return {claim.id for card in advise(CONTENT, chart, trigger, patient.as_of).cards if card.rule == rule for claim in card.claims}


@pytest.mark.parametrize(
    ("id", "rule", "shown", "not_shown"),
    [
        ("two-high-efficacy-failures", "CI", "cart-ytb-rms", "cart-kyv-ucsf"),
        ("two-line-early-failure", "A1d", "hsct-092", "clm-013"),
        ("stopped-for-jcv", "S4", "aan2018-after-natalizumab", "clm-063"),
        ("stopped-for-jcv", "S4", "clm-055", "clm-021"),
        ("ppms-worsening", "P1", "clm-102", "clm-014"),
        ("stable-at-62", "D1", "clm-053", "clm-008"),
        ("siponimod-drafted", "P3", "siponimod-warnings", "clm-066"),
    ],
)
def test_a_card_shows_what_fits_and_leaves_out_what_does_not(id, rule, shown, not_shown):
    claims = claims_of(id, rule)
    assert shown in claims
    assert not_shown not in claims


def test_deaths_on_fenebrutinib_are_told_of_the_trials_that_reported_them():
    """They were reported in the relapsing MS trials, not in the PPMS trial (src-fenebrutinib)."""
    brief = CONTENT.evidence.claims["clm-038"].brief
    assert "non-inferior to ocrelizumab in PPMS" in brief
    assert "more deaths than on control in relapsing MS" in brief

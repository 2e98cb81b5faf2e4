"""A card fits the chart it is shown for: no trial of another course of MS, no dispute of lists about a drug on which they agree."""

from datetime import date

import pytest

from cds.advice import advise
from cds.content import load_content
from cds.explain_input import chart_of_request
from cds.vignette import expand
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


SWITCHES = {
    "S1": "F31, RRMS since 2018\n{earlier}\ndimethyl fumarate since 2024-03\nrelapse 2026-06-08",
    "S2": "F31, RRMS since 2018\n{earlier}\nnatalizumab since 2024-03\nrelapse 2026-06-08",
    "S3": "F31, RRMS since 2018\n{earlier}\nrelapse 2026-06-08",
}


@pytest.mark.parametrize(
    ("rule", "earlier", "claim", "shown"),
    [
        ("S1", "ocrelizumab 2019-02 to 2022-08, code lack-of-efficacy", "clm-015", False),
        ("S1", "ocrelizumab 2019-02 to 2022-08, code side-effect", "clm-015", False),
        ("S1", "ocrelizumab 2019-02 to 2022-08, code cost", "clm-015", True),
        ("S1", "natalizumab 2019-02 to 2022-08, code lack-of-efficacy", "clm-020", False),
        ("S2", "alemtuzumab courses 2019-02 2020-02\nrelapse 2022-03-01", "clm-021", False),
        ("S2", "ocrelizumab 2019-02 to 2022-08, code cost", "clm-021", True),
        ("S3", "ocrelizumab 2019-02 to 2022-08, code side-effect", "clm-015", False),
        ("S3", "ocrelizumab 2019-02 to 2022-08, code cost", "clm-015", True),
    ],
)
def test_a_drug_that_failed_or_was_stopped_for_harm_is_not_among_the_options(rule, earlier, claim, shown):
    vignette = expand(SWITCHES[rule].format(earlier=earlier), date(2026, 11, 20))
    chart, trigger = chart_of_request(vignette.request("patient-view"), CONTENT)
    cards = [card for card in advise(CONTENT, chart, trigger, date(2026, 11, 20)).cards if card.rule == rule]
    assert [claim in {shown.id for shown in card.claims} for card in cards] == [shown]

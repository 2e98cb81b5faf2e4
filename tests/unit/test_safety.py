"""The safety matrix: engine, card, lines on other cards, and `explain` (clinical-rules sections 3 and 4)."""

from datetime import date
from pathlib import Path

import pytest

from cds.advice import Policy, advise
from cds.content import load_content
from cds.deck import safety as safety_card
from cds.deck.lengths import DETAIL_LIMIT, SUMMARY_LIMIT, read_length
from cds.deck.rank import Candidate
from cds.deck.size import Size
from cds.evidence.criteria import compile_condition
from cds.evidence.load import ContentError
from cds.evidence.safety import Standing, assess, drafted_standing, load_safety
from cds.explain.as_json import explain_json
from cds.explain.as_text import explain_text
from cds.explain_input import chart_of_request
from cds.fhir.dates import DateRange
from cds.patient.context import Fact
from cds.patient.facts import CATALOGUE
from cds.three_valued import Bounds
from cds.vignette import expand

CONTENT = load_content()
AS_OF = date(2026, 11, 20)

ROW = """
drug: glatiramer
name: glatiramer acetate
hazards:
  - id: loud
    hazard: Pregnancy
    column: caution
    when: {fact: pregnancy, is: present}
    sentence: 'A sentence.'
    sources: [src-label-ga]
    item: pregnancy status
    quiet: false
  - id: window
    hazard: Pregnancy soon after
    column: boxed
    when: {fact: pregnancy, is: present}
    within_months: 6
    sentence: 'Another sentence.'
    sources: [src-label-ga]
    item: pregnancy status
  - id: after
    hazard: Months after stopping
    column: caution
    stages: [rebound]
    sentence: 'A third sentence.'
    sources: [src-label-ga]
    item: last dose
    rebound: true
no_evidence_read: [Vaccination]
"""


def facts(**known):
    """All facts unknown, but for those named; `pregnancy="present"`."""
    unknown = {name: Fact(value=None, reason=f"{name} not found.", how="notFound") for name in CATALOGUE}
    return unknown | {
        name: Fact(value=value, reason=f"{name} is {value}.", resources=(f"Observation/{name}",)) for name, value in known.items()
    }


def matrix(tmp_path: Path, text: str = ROW):
    (tmp_path / "row.yaml").write_text(text, encoding="utf-8")
    return load_safety(tmp_path, CONTENT.evidence, CATALOGUE)


def stand(stage, taken=None):
    return Standing(
        drug="glatiramer", stage=stage, reason=f"Glatiramer stands at {stage}.", resources=("MedicationRequest/g",), taken=taken
    )


def verdicts(found):
    return {finding.hazard.id: finding.verdict for finding in found}


def test_recorded_not_recorded_and_not_known(tmp_path):
    rows, now = matrix(tmp_path), stand("acting", DateRange.on(AS_OF))
    assert verdicts(assess(rows, [now], facts(pregnancy="present"), AS_OF)) == {"loud": "met", "window": "met"}
    assert verdicts(assess(rows, [now], facts(pregnancy="absent"), AS_OF)) == {"loud": "notMet", "window": "notMet"}
    assert verdicts(assess(rows, [now], facts(), AS_OF)) == {"loud": "unknown", "window": "unknown"}


def test_warnings_come_first(tmp_path):
    found = assess(matrix(tmp_path), [stand("acting", DateRange.on(AS_OF))], facts(pregnancy="present"), AS_OF)
    assert [(finding.hazard.id, finding.level) for finding in found] == [("window", "warning"), ("loud", "info")]


def test_a_hazard_that_is_not_recorded_never_warns(tmp_path):
    found = assess(matrix(tmp_path), [stand("acting", DateRange.on(AS_OF))], facts(), AS_OF)
    assert {finding.level for finding in found} == {"info"}


@pytest.mark.parametrize(
    ("taken", "verdict"),
    [
        (DateRange.on(date(2026, 5, 20)), "met"),
        (DateRange.on(date(2026, 5, 19)), "notMet"),
        (DateRange.parse("2026-05"), "unknown"),
        (None, "unknown"),
    ],
)
def test_the_window_after_the_last_dose(tmp_path, taken, verdict):
    """Both ends included; a date that could lie on either side leaves it open."""
    assert verdicts(assess(matrix(tmp_path), [stand("rebound", taken)], facts(pregnancy="present"), AS_OF))["window"] == verdict


def test_stages(tmp_path):
    rows, known = matrix(tmp_path), facts(pregnancy="present")
    assert set(verdicts(assess(rows, [stand("off")], known, AS_OF))) == set()
    assert "after" not in verdicts(assess(rows, [stand("acting")], known, AS_OF))
    assert verdicts(assess(rows, [stand("rebound")], known, AS_OF))["after"] == "met"


def test_a_drug_that_may_still_act_is_told_so(tmp_path):
    found = assess(matrix(tmp_path), [stand("unknown")], facts(pregnancy="present"), AS_OF)
    loud = next(finding for finding in found if finding.hazard.id == "loud")
    assert loud.verdict == "met"
    assert "Glatiramer stands at unknown." in loud.reason
    assert "MedicationRequest/g" in loud.resources


def test_taken_and_drafted_at_once(tmp_path):
    both = [stand("residual", DateRange.on(date(2025, 1, 1))), drafted_standing("glatiramer", AS_OF, "MedicationRequest/d")]
    found = assess(matrix(tmp_path), both, facts(pregnancy="present"), AS_OF)
    assert verdicts(found)["window"] == "met"
    assert all(finding.drafted for finding in found)


def test_a_drug_without_a_row_has_no_findings(tmp_path):
    assert assess(matrix(tmp_path), [drafted_standing("aspirin", AS_OF)], facts(), AS_OF) == ()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            ("fact: pregnancy, is: present}\n    sentence: 'A", "fact: pregnant, is: present}\n    sentence: 'A"),
            "no fact is named 'pregnant'",
        ),
        (("id: window", "id: loud"), "used twice"),
        (("id: window", "id: hsct-020"), "used twice"),
        (("src-label-ga", "src-nothing"), "there is no source 'src-nothing'"),
        (("item: last dose", "item: last dose\n    claim: clm-999"), "there is no claim 'clm-999'"),
        (("column: boxed", "column: dangerous"), "column"),
        (("quiet: false", "silent: false"), "silent"),
    ],
)
def test_content_that_cannot_be_used_is_refused(tmp_path, change, says):
    with pytest.raises(ContentError, match=says):
        matrix(tmp_path, ROW.replace(*change, 1))


def test_one_row_a_drug(tmp_path):
    (tmp_path / "again.yaml").write_text(ROW, encoding="utf-8")
    with pytest.raises(ContentError, match="a row for 'glatiramer' already"):
        matrix(tmp_path)


def test_the_reason_names_only_what_carries_the_outcome():
    either = compile_condition({"any": [{"fact": "hiv", "is": "positive"}, {"fact": "edss", "atLeast": 6}]}, CATALOGUE, "test")
    known = facts(hiv="positive", edss=Bounds.exactly(2))
    assert either.why(known) == ("hiv",)
    assert either.why(facts(hiv="negative")) == ("edss",)
    assert either.why(facts(hiv="negative", edss=Bounds.exactly(2))) == ("hiv", "edss")


# The card


def findings(tmp_path, *stands, **known):
    return assess(matrix(tmp_path), stands, facts(**known), AS_OF)


def quiet_findings(tmp_path, **known):
    text = ROW.replace("    quiet: false\n", "").replace("column: boxed", "column: caution")
    return assess(matrix(tmp_path, text), [stand("acting", DateRange.on(AS_OF))], facts(**known), AS_OF)


OPTION = Candidate("x", "S1", "dmtSwitch", "option")
RESTART = Candidate("x", "S3", "dmtSwitch", "option")
BACKGROUND = Candidate("x", "D1", "dmtDiscontinuation", "background")


def ids(found):
    return [finding.hazard.id for finding in found]


def test_a_warning_speaks_alone(tmp_path):
    found = findings(tmp_path, stand("acting", DateRange.on(AS_OF)), pregnancy="present")
    assert ids(safety_card.for_card(found, [], order=False, only_safety=False)) == ["window", "loud"]
    assert safety_card.candidate(found).indicator == "warning"


def test_loud_information_speaks_alone_quiet_information_beside_an_option(tmp_path):
    quiet = quiet_findings(tmp_path, pregnancy="present")
    assert safety_card.for_card(quiet, [], order=False, only_safety=False) == ()
    assert safety_card.for_card(quiet, [BACKGROUND], order=False, only_safety=False) == ()
    assert ids(safety_card.for_card(quiet, [OPTION], order=False, only_safety=False)) == ["loud", "window"]
    assert safety_card.for_card(quiet, [], order=False, only_safety=True) != ()
    assert safety_card.candidate(quiet).indicator == "info"


def test_what_is_not_known_belongs_to_the_order(tmp_path):
    drafted = findings(tmp_path, drafted_standing("glatiramer", AS_OF))
    assert safety_card.for_card(drafted, [OPTION], order=False, only_safety=False) == ()
    assert set(ids(safety_card.for_card(drafted, [], order=True, only_safety=False))) == {"loud", "window"}
    taken = findings(tmp_path, stand("acting", DateRange.on(AS_OF)))
    assert safety_card.for_card(taken, [], order=True, only_safety=False) == ()


def test_a_rebound_line_moves_into_the_switch_card(tmp_path):
    found = findings(tmp_path, stand("rebound", DateRange.on(date(2020, 1, 1))), pregnancy="absent")
    assert ids(safety_card.for_card(found, [OPTION], order=False, only_safety=False)) == ["after"]
    assert safety_card.for_card(found, [RESTART], order=False, only_safety=False) == ()
    assert safety_card.for_card(found, [], order=False, only_safety=False) == ()


def test_the_headline_fits(tmp_path):
    found = findings(tmp_path, stand("acting", DateRange.on(AS_OF)), pregnancy="present")
    what = "situation of a boxed warning recorded in this chart; 1 more."
    assert safety_card.title(found, 130, CONTENT.deck.wording) == f"glatiramer acetate, pregnancy soon after: {what}"
    assert safety_card.title(found, 85, CONTENT.deck.wording) == f"glatiramer acetate: {what}"


def test_a_card_says_less_until_it_fits():
    assert Size().smaller((5, 2), (3,), 3) == Size(claims=(4, 2))
    assert Size().smaller((0,), (3, 1), 3) == Size(spelled=False)
    assert Size(spelled=False).smaller((0,), (3, 1), 3) == Size(spelled=False, hazards=2)
    assert Size(spelled=False, hazards=1).smaller((0,), (3, 1), 1) == Size(spelled=False, hazards=1, brief=True)
    assert Size(spelled=False, hazards=1, brief=True).smaller((), (3, 1), 1) == Size(leading=(2, 1), hazards=1, brief=True, spelled=False)
    assert Size(leading=(1, 1), hazards=1, brief=True, spelled=False).smaller((), (1, 1), 1) is None


# Whole patients


def advice(text, hook="patient-view", **policy):
    chart, trigger = chart_of_request(expand(text, AS_OF).request(hook), CONTENT)
    return advise(CONTENT, chart, trigger, AS_OF, Policy(**policy))


PREGNANT = "F30, RRMS since 2021, 9 weeks pregnant\nteriflunomide since 2024\nrelapse 2026-11-12"


def explained(text, hook="patient-view"):
    """The advice on a patient as `ranvier explain` shows it: as JSON, and as text."""
    chart, trigger = chart_of_request(expand(text, AS_OF).request(hook), CONTENT)
    given = advise(CONTENT, chart, trigger, AS_OF)
    return explain_json(given, CONTENT, chart), "\n".join(explain_text(given, CONTENT, chart))


def safety_of(given):
    return next(card for card in given.cards if card.topic == "dmtSafety")


def test_a_finding_is_drug_hazard_value_with_date_sentence_and_source():
    card = safety_of(advice(PREGNANT))
    line = next(line for line in card.detail.splitlines() if line.startswith("- Teriflunomide, pregnancy:"))
    assert "Pregnant: pregnancy since 2026-09-18" in line
    assert "US label: contraindicated in pregnancy" in line
    assert "[US label, Aubagio 2026](https://dailymed" in line
    assert {claim.id for claim in card.claims} == {"teriflunomide-pregnancy", "teriflunomide-embryofetal-toxicity"}
    assert {finding.criterion.id for finding in card.criteria} >= {"teriflunomide-pregnancy"}


def test_a_long_list_of_findings_still_fits():
    many = "\n".join(
        ["F30, RRMS since 2021, 9 weeks pregnant", "condition liver failure 2026", "condition mi 2026-08-15", "condition mobitz ii 2024"]
        + ["condition stroke 2026-09-10", "condition macular oedema 2026", "condition breast cancer 2025", "condition sepsis 2026-11-01"]
        + [f"order {drug}" for drug in ("fingolimod", "siponimod", "ponesimod", "teriflunomide", "alemtuzumab", "cladribine")]
    )
    cards = advice(many, "order-select").cards
    assert [card.detail for card in cards if read_length(card.detail) > DETAIL_LIMIT] == []
    assert all(len(card.summary.encode("utf-16-le")) // 2 <= SUMMARY_LIMIT for card in cards)
    assert cards[0].indicator == "warning"
    assert "- Also: " in cards[0].detail
    assert all(drug in cards[0].detail for drug in ("fingolimod", "siponimod", "ponesimod", "teriflunomide", "alemtuzumab", "cladribine"))


def test_topics_can_be_turned_off():
    topics = {card.topic for card in advice(PREGNANT, topics_off=frozenset({"dmtSafety"})).cards}
    assert "dmtSafety" not in topics
    assert topics


def test_order_sign_repeats_only_what_is_a_matter_of_safety_unless_a_site_wants_more():
    text = "M34, RRMS since 2020\nglatiramer since 2022-03\norder ocrelizumab"
    assert [card.topic for card in advice(text, "order-sign").cards] == ["dmtSafety"]
    assert {card.topic for card in advice(text, "order-sign", repeat_at_sign=True).cards} == {"dmtEvidence", "dmtSafety"}
    (held,) = advice(text, "order-sign").held_back
    assert (held.candidate.topic, held.because) == ("dmtEvidence", "Shown at order-select, not repeated at order-sign")


FAILING = "M38, RRMS since 2019\ndimethyl fumarate since 2024-01\nMRI 2024-07: clean\nMRI 2026-09: 3 new T2, 1 Gd (vs 2024-07)"


def test_drugs_tried_and_drugs_that_the_chart_speaks_against():
    clean = next(card for card in advice(FAILING).cards if card.topic == "dmtSwitch")
    assert "Tried: dimethyl fumarate (since 2024-01, failed)." in clean.detail
    assert CONTENT.deck.wording.phrases["against"].partition("{")[0] not in clean.detail
    infected = next(card for card in advice(f"{FAILING}\nlab HBsAg positive on 2026-01-10").cards if card.topic == "dmtSwitch")
    assert CONTENT.deck.wording.phrases["against"].partition("{")[0] in infected.detail
    assert "ocrelizumab (active hepatitis B; US label, Ocrevus 2026)" in infected.detail


def test_a_drug_that_the_chart_speaks_against_is_not_offered():
    """Its trials are left out; its safety, and trials of other drugs, are not."""
    shown = next(card for card in advice(FAILING).cards if card.topic == "dmtSwitch")
    left = next(card for card in advice(f"{FAILING}\nlab HBsAg positive on 2026-01-10").cards if card.topic == "dmtSwitch")
    assert {"clm-015", "clm-017"} <= {claim.id for claim in shown.claims}
    assert not {"clm-015", "clm-017"} & {claim.id for claim in left.claims}
    assert "clm-063" in {claim.id for claim in left.claims}


def test_hazards_of_transplantation_stand_on_its_card():
    text = (
        "M33, RRMS since 2021\nalemtuzumab courses 2023-02 2024-02\nrelapse 2026-03-09\nMRI 2026-03-16: 1 Gd\n"
        "EDSS 3.0 on 2026-09-10\ncondition depression 2024"
    )
    card = next(card for card in advice(text).cards if card.topic == "ahsct")
    assert "AHSCT, alemtuzumab still acting:" in card.detail
    assert "depression or suicidality" in card.detail
    assert "dmtSafety" not in {card.topic for card in advice(text).cards}


def test_a_relapse_card_says_once_what_a_claim_says():
    card = next(card for card in advice(PREGNANT).cards if card.topic == "acuteRelapse")
    assert card.detail.count("first trimester debated") == 1
    assert "Methylprednisolone, pregnancy: Pregnant:" in card.detail


def test_a_contraindication_that_cannot_be_cited_is_named_without_its_sentence():
    card = safety_of(advice("M40, RRMS since 2019\ncondition breast cancer 2026-06\norder ofatumumab", "order-select"))
    assert card.indicator == "warning"
    assert "Ofatumumab, active malignancy: Malignancy is recorded" in card.detail
    assert "cannot be cited here" in card.detail
    assert "EU product information" not in card.detail
    assert "ofatumumab-malignancy" not in {claim.id for claim in card.claims}


def test_nothing_is_said_for_a_chart_without_ms():
    assert advice("F30\nteriflunomide since 2024\npregnant 9 weeks").safety == ()


def test_explain_lists_every_pair_also_those_on_which_nothing_was_read():
    as_json, text = explained(PREGNANT)
    rows = as_json["safety"]
    assert set(rows[0]) == {"drug", "hazard", "column", "verdict", "reason", "resources"}
    assert {row["verdict"] for row in rows} == {"met", "notMet", "unknown", "noEvidenceRead"}
    unread = [row for row in rows if row["drug"] == "teriflunomide" and row["verdict"] == "noEvidenceRead"]
    assert {"Vaccination", "Varicella zoster serology", "Hepatitis C"} <= {row["hazard"] for row in unread}
    assert all("not the absence of a hazard" in row["reason"] for row in unread)
    assert "SAFETY" in text
    assert "nothing read on teriflunomide" in text


def test_explain_without_ms_drugs_has_no_safety_section():
    assert "SAFETY" not in explained("M30, RRMS since 2020\nvisit 2026-05-01")[1]

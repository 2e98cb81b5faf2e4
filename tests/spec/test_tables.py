"""The runner itself: a table that asserts nothing, or asks for what does not exist, fails; differences are told in words."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from cds.fhir.dates import DateRange
from cds.patient.context import Conflict, Episode, Fact, PatientContext, Relapse
from cds.three_valued import Bounds

from .compare import card_differences, context_differences, fact_differences, same, silence_differences, wording_differences
from .render import render
from .tables import Case, SpecError, Table, load_table


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"patient": "F34"}, "nothing is asserted"),
        ({"facts": {"edss": 3}}, "either a patient or a seed"),
        ({"patient": "F34", "seed": "cis", "facts": {"edss": 3}}, "either a patient or a seed"),
        ({"patient": "F34", "facts": {"eds": 3}}, "'eds' is no fact"),
        ({"patient": "F34", "facts": {"ms": "yes"}}, "ms is a word of present, suspected, absent, excluded"),
        ({"patient": "F34", "facts": {"ms": True}}, "it can never be True"),
        ({"patient": "F34", "facts": {"edss": True}}, "edss is a number"),
        ({"patient": "F34", "facts": {"dmt.naive": 1}}, "dmt.naive is a flag"),
        ({"patient": "F34", "fact": {"edss": 3}}, "Extra inputs"),
    ],
)
def test_a_case_that_cannot_be_right(case, said):
    with pytest.raises(ValidationError) as error:
        Case.model_validate({"name": "x", **case})
    assert said in str(error.value)


def test_a_case_says_how_much_it_needs():
    assert not Case(name="x", patient="F34", facts={"edss": "unknown"}).needs_deck
    assert Case(name="x", patient="F34", cards=()).needs_deck
    assert Case(name="x", patient="F34", orders=("ocrelizumab",), silent={"A1": ""}).lines == "F34\norder ocrelizumab"
    assert Case(name="x", seed="no-ms", cards=()).lines.startswith("F44")


def test_an_error_names_the_file(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("title: t\nintro: i\ncases: [{name: x, patient: F34}]\n")
    with pytest.raises(SpecError, match=r"wrong\.yaml:\n  cases\.0: .*nothing is asserted"):
        load_table(path)


@pytest.mark.parametrize(
    ("wanted", "value", "right"),
    [
        ("unknown", None, True),
        ("unknown", False, False),
        (False, None, False),
        (False, False, True),
        (True, False, False),
        (1, True, False),
        (True, Bounds.exactly(1), False),
        ("rrms", "rrms", True),
        ("rrms", "spms", False),
        ("rrms", None, False),
        (2, Bounds.exactly(2), True),
        (2, Bounds(2, 3), False),
        (2, Bounds.at_least(2), False),
        (2, None, False),
        (">=2", Bounds.at_least(2), True),
        (">=2", Bounds.exactly(3), False),
        (">=2", Bounds.at_least(3), False),
        ("2 to 4", Bounds(2, 4), True),
        ("2 to 4", Bounds(2, 3), False),
        ("within 2 to 4", Bounds(2.5, 3), True),
        ("within 2 to 4", Bounds(2.5, 5), False),
    ],
)
def test_values(wanted, value, right):
    assert same(wanted, value) is right


def episode(**members):
    given = {
        **dict.fromkeys(Episode.__slots__),
        "drug": "ocrelizumab",
        "outcome": "failed",
        "resources": ("MedicationRequest/ocrelizumab-1",),
        "notes": (),
        "doses": (),
        **members,
    }
    return Episode(**given)


CONTEXT = PatientContext(
    as_of=date(2026, 11, 20),
    facts={
        "edss": Fact(
            value=Bounds.exactly(3.5),
            reason="Latest EDSS 3.5.",
            resources=("Observation/edss",),
            how="coded",
            date=DateRange.parse("2026-05"),
        ),
        "pregnancy": Fact(value=None, reason="Nothing is recorded."),
        "priorHsct": Fact(value="none", reason="None recorded."),
    },
    treatments=(
        episode(),
        episode(drug="natalizumab", outcome="stoppedOther", start=DateRange.parse("2020-05"), reason="Stopped for JC virus."),
    ),
    relapses=(Relapse(onset=DateRange.parse("2026-05"), status="relapse", resources=("Condition/relapse-2026-05",), how="coded"),),
    conflicts=(Conflict(id="subtype", text="Two courses.", resources=()),),
)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"edss": 3.5, "pregnancy": "unknown"}, []),
        ({"edss": {"is": 3.5, "because": "latest edss", "from": ["Observation/edss"], "how": "coded", "date": "2026-05"}}, []),
        ({"edss": 4}, ["fact edss: expected 4, read 3.5 because 'Latest EDSS 3.5.' [Observation/edss]"]),
        ({"pregnancy": "absent"}, ["fact pregnancy: expected 'absent', read unknown because 'Nothing is recorded.' []"]),
        ({"ms": "present"}, ["fact ms: expected 'present', but no reader provides this fact"]),
        ({"edss": {"because": "oldest"}}, ["fact edss: expected the reason to say 'oldest', read 'Latest EDSS 3.5.'"]),
        ({"edss": {"from": ["Observation/x"]}}, ["fact edss: expected it to rest on Observation/x, read Observation/edss"]),
        ({"edss": {"how": "text"}}, ["fact edss: expected how text, read coded"]),
        ({"edss": {"value": 3}}, ["fact edss: value cannot be expected; use is, because, from, how, date"]),
    ],
)
def test_facts(facts, said):
    assert list(fact_differences(facts, CONTEXT)) == said


@pytest.mark.parametrize(
    "context",
    [
        {"treatments": [{"drug": "natalizumab", "outcome": "stoppedOther", "start": "2020-05", "reason": "jc virus"}]},
        {"treatments": [{"drug": "natalizumab"}, {"drug": "ocrelizumab", "failureKind": "unknown"}]},
        {"treatments": [{"drug": "ocrelizumab", "resources": ["MedicationRequest/ocrelizumab-1"]}]},
        {"relapses": [{"onset": "2026-05", "status": "relapse"}], "conflicts": ["subtype"], "priorHsct": "none", "scans": []},
    ],
)
def test_records_that_are_there(context):
    assert list(context_differences(context, CONTEXT)) == []


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"treatments": []}, "treatments: expected none"),
        ({"treatments": [{"drug": "fingolimod"}]}, "treatments: expected {'drug': 'fingolimod'}, read"),
        ({"treatments": [{"drug": "ocrelizumab", "outcome": "ongoing"}]}, "outcome is failed, not 'ongoing'"),
        ({"treatments": [{"drug": "ocrelizumab"}, {"drug": "ocrelizumab"}]}, "treatments: expected {'drug': 'ocrelizumab'}"),
        ({"treatments": [{"drug": "ocrelizumab", "dose": 3}]}, "Episode has no dose"),
        ({"conflicts": ["mimic"]}, "conflicts: expected {'id': 'mimic'}, read subtype (Two courses.)"),
        ({"priorHsct": "planned"}, "fact priorHsct: expected 'planned', read 'none'"),
        ({"therapies": []}, "context therapies: there is no such member"),
    ],
)
def test_records_that_are_not(context, said):
    (difference,) = context_differences(context, CONTEXT)
    assert said in difference


def card(rule, topic="ahsct", stance="option", indicator="info"):
    return SimpleNamespace(topic=topic, rule=rule, stance=stance, indicator=indicator, summary="Option named.", detail="EDSS not found.")


def advice(*cards, because="Not met: at least one drug failed"):
    matches = tuple(SimpleNamespace(summary=SimpleNamespace(rule=rule), because="" if rule == "A1" else because) for rule in ("A1", "S2"))
    return SimpleNamespace(cards=cards, matches=matches, held_back=())


def test_cards_are_compared_in_order():
    shown = [card("A1"), card("SF", "dmtSafety", "caution", "warning")]
    assert list(card_differences(["ahsct A1 option", "dmtSafety SF caution warning"], shown)) == []
    (difference,) = card_differences(["dmtSafety SF caution warning", "ahsct A1 option"], shown)
    assert difference.endswith("shown [ahsct A1 option, dmtSafety SF caution warning]")


@pytest.mark.parametrize(
    ("silent", "said"),
    [
        ({"S2": "drug failed"}, []),
        ({"S2": ""}, []),
        ({"S2": "pregnant"}, ["silent S2: expected a reason with 'pregnant', found ['Not met: at least one drug failed']"]),
        ({"A1": ""}, ["silent A1: it gave a card"]),
        ({"Z9": ""}, ["silent Z9: there is no such rule"]),
    ],
)
def test_silence(silent, said):
    assert list(silence_differences(silent, advice(card("A1")))) == said


def test_a_match_without_a_card_is_not_silent_for_a_reason():
    (difference,) = silence_differences({"A1": ""}, advice())
    assert difference == "silent A1: expected a reason with '', found none"


def test_wording():
    assert list(wording_differences({"A1": ["edss not found"]}, advice(card("A1")))) == []
    (difference,) = wording_differences({"A1": ["superb"]}, advice(card("A1")))
    assert difference.startswith("A1: expected the card to say 'superb'")
    assert list(wording_differences({"S2": ["superb"]}, advice(card("A1")))) == ["S2: no card is shown"]


def test_a_table_becomes_a_page():
    table = Table(
        title="Failure of a drug",
        intro="When a drug has failed.",
        rules=("F12",),
        cases=(
            Case(name="Two lesions", why="Two are enough.", patient="F34, RRMS since 2019", facts={"failures.any": ">=1"}, cards=()),
            Case(name="An order", patient="F34", hook="order-sign", as_of=date(2026, 1, 2), context={"conflicts": ["subtype"]}),
        ),
    )
    page = render([table])
    for words in (
        "- [Failure of a drug](#failure-of-a-drug) (2)",
        "Rules: F12",
        "```text\nF34, RRMS since 2019\n```",
        "- Distinct DMTs that ever failed, worsening-only included (F13): **at least 1** (`failures.any`)",
        "- Cards: **none**",
        "Asked on 2026-01-02, order-sign.",
        "- Conflicts: `subtype`",
    ):
        assert words in page

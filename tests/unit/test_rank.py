"""Ranking, collapse and quiet (clinical-rules section 3), on candidates alone."""

from cds.deck.rank import Candidate, Situation, select

CALM = Situation(transplant_first=False, pml=False, car_t_named=False)


def card(topic, stance="option", rule="X", **more):
    return Candidate(f"{topic}-{rule}", rule, topic, stance, **more)


def topics(candidates, situation=CALM, cap=9):
    shown, _ = select(candidates, situation, cap)
    return [c.topic for c in shown]


def test_another_diagnosis_stands_alone():
    assert topics([card("ahsct"), card("notMs", "caution"), card("dmtSafety", "caution", indicator="warning")]) == ["notMs"]


def test_pml_leaves_only_safety():
    candidates = [card("dmtSwitch"), card("dmtSafety", "caution", indicator="warning"), card("missingData", "background", first=True)]
    assert topics(candidates, Situation(transplant_first=False, pml=True, car_t_named=False)) == ["dmtSafety"]


def test_order_of_groups():
    candidates = [
        card("msc", "trialOnly"),
        card("missingData", "background"),
        card("dmtSafety", "caution"),
        card("dmtSwitch"),
        card("acuteRelapse"),
        card("dmtEvidence", "background"),
    ]
    assert topics(candidates) == ["dmtEvidence", "acuteRelapse", "dmtSwitch", "dmtSafety", "missingData", "msc"]


def test_warning_comes_first():
    assert topics([card("dmtSwitch"), card("acuteRelapse"), card("dmtSafety", "caution", indicator="warning")])[0] == "dmtSafety"


def test_basic_missing_data_leads_only_where_there_is_no_option():
    missing = card("missingData", "background", first=True)
    assert topics([card("ahsct", "trialOnly"), missing]) == ["missingData", "ahsct"]
    assert topics([card("dmtSwitch"), missing]) == ["dmtSwitch", "missingData"]


def test_the_drug_card_leads_unless_the_transplant_profile_is_full():
    candidates = [card("ahsct"), card("dmtSwitch")]
    assert topics(candidates) == ["dmtSwitch", "ahsct"]
    assert topics(candidates, Situation(transplant_first=True, pml=False, car_t_named=False)) == ["ahsct", "dmtSwitch"]


def test_a_card_turned_caution_keeps_its_place():
    candidates = [card("dmtSwitch", "caution"), card("dmtSafety", "caution", indicator="warning"), card("acuteRelapse")]
    assert topics(candidates) == ["dmtSafety", "acuteRelapse", "dmtSwitch"]


def test_one_card_per_topic_by_stance():
    shown, held = select([card("ahsct", "trialOnly", "A3t"), card("ahsct", "option", "A3")], CALM, 3)
    assert [c.rule for c in shown] == ["A3"]
    assert held[0].candidate.rule == "A3t"
    assert "same topic" in held[0].because


def test_progressive_absorbs_switch_and_a4_absorbs_msc():
    assert topics([card("dmtProgressive"), card("dmtSwitch")]) == ["dmtProgressive"]
    assert topics([card("dmtProgressive", "background"), card("ahsct", "notSupported", "A4"), card("msc", "trialOnly")]) == [
        "dmtProgressive",
        "ahsct",
    ]


def test_unnamed_car_t_is_a_line_in_msc():
    candidates = [card("msc", "trialOnly"), card("cellularImmunotherapy", "trialOnly")]
    assert topics(candidates) == ["msc"]


def test_one_card_of_a_lower_stance_besides_progressive():
    candidates = [card("ahsct", "trialOnly"), card("cellularImmunotherapy", "trialOnly"), card("dmtProgressive", "background")]
    assert topics(candidates) == ["ahsct", "dmtProgressive"]


def test_cap_says_what_it_holds_back():
    shown, held = select([card("dmtSwitch"), card("ahsct"), card("acuteRelapse")], CALM, 2)
    assert len(shown) == 2
    assert held[-1].because == "More than 2 cards"


def test_order_of_candidates_does_not_matter():
    candidates = [card("ahsct"), card("dmtSwitch"), card("acuteRelapse"), card("msc", "trialOnly")]
    assert topics(candidates) == topics(candidates[::-1])

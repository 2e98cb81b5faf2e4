"""The treatment definitions: they parse, hang together, and say what clinical-rules F11 and F15 print."""

import copy

import pytest
from treatment_charts import definitions, rules, terminology

from cds.fhir.dates import DateRange
from cds.patient.rules import RulesError
from cds.patient.treatment.rules import FOREVER, Step, TreatmentRules

F15_DEFAULT = {
    "moderate": ("interferon-beta-1a", "peginterferon-beta-1a", "interferon-beta-1b", "glatiramer", "teriflunomide", "dimethyl-fumarate",
                 "diroximel-fumarate", "monomethyl-fumarate", "tegomil-fumarate"),
    "differs": ("fingolimod", "siponimod", "ozanimod", "ponesimod", "cladribine"),
    "high": ("natalizumab", "alemtuzumab", "ocrelizumab", "ofatumumab", "ublituximab", "rituximab", "mitoxantrone"),
    "notClassified": ("azathioprine", "cyclophosphamide", "methotrexate", "mycophenolate", "daclizumab", "tolebrutinib", "ivig"),
}  # fmt: skip


@pytest.mark.parametrize(("tier", "drug"), [(tier, drug) for tier, drugs in F15_DEFAULT.items() for drug in drugs])
def test_default_class_is_that_of_the_table(tier, drug):
    assert rules().tier(drug)[0] == tier


def test_default_class_follows_from_the_lists_unless_classed_like_another_drug():
    tiers = rules().tiers
    for drug, row in tiers.drugs.items():
        says = {tiers.says(list_, drug) for list_ in tiers.lists} - {None}
        reading = {frozenset({"high"}): "high", frozenset({"lower"}): "moderate", frozenset(): "notClassified"}
        if row.like is None:
            assert row.tier == reading.get(frozenset(says), "differs"), drug
        else:
            assert row.tier == tiers.drugs[row.like].tier, drug


def test_a_class_names_the_lists_behind_it():
    assert rules().tier("natalizumab")[1] == (
        "ABN 2015: higher class (by exclusion); NHS England: 2, highly effective; Selmaj 2023: high; He 2020: high; DELIVER-MS: high; "
        "Harding 2019: high; six-list reading"
    )


@pytest.mark.parametrize(
    ("list_", "drug", "tier"),
    [
        ("selmaj-2023", "siponimod", "high"),
        ("nhs-england", "fingolimod", "moderate"),
        ("nhs-england", "siponimod", "moderate"),
        ("abn-2015", "ocrelizumab", "notClassified"),
        ("nhs-england", "diroximel-fumarate", "moderate"),
    ],
)
def test_a_site_may_read_one_list_only(list_, drug, tier):
    found, reason = TreatmentRules.of(definitions(), tier_list=list_).tier(drug)
    assert found == tier
    assert "six-list" not in reason


def test_every_value_set_exists():
    assert rules().value_sets <= set(terminology().value_sets)


def test_every_drug_value_set_of_the_terminology_is_read():
    read = set(rules().drug_of_value_set)
    listed = {id for id in terminology().value_sets if id.startswith(("dmt-", "non-ms-", "imm-"))} - {"imm-status-codes"}
    assert listed <= read


@pytest.mark.parametrize(
    ("drug", "acts", "after", "until"),
    [
        ("glatiramer", "30 days", "off", None),
        ("fingolimod", "30 days", "rebound", "6 months"),
        ("natalizumab", "8 weeks", "rebound", "6 months"),
        ("ocrelizumab", "9 months", "residual", "18 months"),
        ("ublituximab", "9 months", "residual", "18 months"),
        ("rituximab", "9 months", "residual", "18 months"),
        ("ofatumumab", "3 months", "residual", "9 months"),
        ("alemtuzumab", "48 months", "late", None),
        ("cladribine", "48 months", "late", None),
        ("mitoxantrone", "6 months", "off", None),
    ],
)
def test_windows_are_those_of_the_table(drug, acts, after, until):
    window = rules().window(drug)
    assert (str(window.acts), window.after, str(window.after_until) if window.after_until else None) == (acts, after, until)
    assert str(window.wash_in) == "6 months"


def changed(path, value):
    """The definitions with one field changed, or left out where the value is None."""
    found = copy.deepcopy(definitions())
    id, *fields = path
    node = found[id]
    for field in fields[:-1]:
        node = node[field]
    if value is None:
        del node[fields[-1]]
    else:
        node[fields[-1]] = value
    return found


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("ranvier-treatment-breakthrough", "new_t2_lesion"), 2, "new_t2_lesion"),
        (("ranvier-treatment-breakthrough", "relapses"), None, "relapses"),
        (("ranvier-treatment-drugs", "drugs", "natalizumab", "window"), "weekly", "there is no window 'weekly'"),
        (("ranvier-treatment-drugs", "drugs", "natalizumab", "other_indications"), ["gout"], "there is no indication 'gout'"),
        (("ranvier-treatment-drugs", "anti_cd20"), ["obinutuzumab"], "there is no drug 'obinutuzumab'"),
        (("ranvier-treatment-tiers", "drugs", "natalizumab"), None, "there is no drug 'natalizumab'"),
        (("ranvier-treatment-tiers", "drugs", "natalizumab", "words"), {"he-2020": "superb"}, "no word of he-2020"),
        (("ranvier-treatment-tiers", "drugs", "natalizumab", "words"), {"he-2021": "high"}, "no list 'he-2021'"),
        (("ranvier-treatment-window-s1p", "after_until"), None, "needs after_until"),
        (("ranvier-treatment-window-platform", "assumed_supply"), None, "needs assumed_supply"),
        (("ranvier-treatment-window-cladribine", "same_course_within"), None, "needs same_course_within"),
        (("ranvier-treatment-indications", "no_disease"), "(", "no regular expression"),
    ],
)
def test_a_wrong_definition_is_refused_by_name(path, value, words):
    with pytest.raises(RulesError, match=words.replace("(", r"\(")):
        TreatmentRules.of(changed(path, value))


def test_a_missing_kind_of_stop_reason_is_refused():
    found = copy.deepcopy(definitions())
    kinds = found["ranvier-treatment-stop-reasons"]["kinds"]
    found["ranvier-treatment-stop-reasons"]["kinds"] = [kind for kind in kinds if kind["kind"] != "adherence"]
    with pytest.raises(RulesError, match="adherence"):
        TreatmentRules.of(found)


def test_an_unknown_list_is_refused():
    with pytest.raises(RulesError, match="no list 'mine'"):
        TreatmentRules.of(definitions(), tier_list="mine")


def test_steps_stay_within_the_calendar():
    assert Step(months=6).after(FOREVER) == FOREVER
    assert Step(days=10**7).after(DateRange.parse("2026-01-01").first) == FOREVER
    assert str(Step(months=12, days=3)) == "12 months 3 days"

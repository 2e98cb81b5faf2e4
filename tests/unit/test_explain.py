"""What `ranvier explain` shows: every fact with its origin, conflicts as facts, and the records as they stand in the chart."""

from datetime import date

import orjson
import pytest

from cds.advice import advise
from cds.content import load_content
from cds.explain.as_json import explain_json
from cds.explain.as_text import explain_text
from cds.explain_input import chart_of_request
from cds.patient.facts import CATALOGUE
from cds.vignette import expand

CONTENT = load_content()
AS_OF = date(2026, 11, 20)
PATIENT = """M38, RRMS since 2019
condition "Secondary progressive multiple sclerosis" 2018
EDSS 3.5 on 2026-05-10
EDSS 4.0 on 2026-06-10 (text)
interferon beta-1a 2020-01-10 to 2023-02-01, stopped: lack of efficacy
ocrelizumab since 2024-01, last 2026-07
MRI 2024-07: clean
MRI 2026-09: 3 new T2, 1 Gd (vs 2024-07)
relapse 2026-08-10
lab JCV index 1.2 on 2024-02-01
observations partial
conditions unavailable"""
CONFLICTING = "M52, PPMS since 2015\nSPMS 2020\ncondition breast cancer 2024-06\nallergy glatiramer 2020-01"


def explained(text):
    chart, trigger = chart_of_request(expand(text, AS_OF).request(), CONTENT)
    advice = advise(CONTENT, chart, trigger, AS_OF)
    return explain_json(advice, CONTENT, chart), "\n".join(explain_text(advice, CONTENT, chart))


@pytest.fixture(scope="module")
def both():
    return explained(PATIENT)


def test_every_fact_has_its_origin(both):
    context = both[0]["context"]
    assert context["facts"].keys() == CATALOGUE.keys()
    for fact in context["facts"].values():
        assert fact["reason"]
        assert fact["how"] in ("coded", "derived", "text", "notFound")
    edss = context["facts"]["edss"]
    assert (edss["value"], edss["how"], edss["date"], edss["resources"]) == (4.0, "text", "2026-06-10", ["Observation/edss-2026-06-10"])


def test_a_derived_fact_has_the_date_of_the_newest_record_behind_it(both):
    assert both[0]["context"]["facts"]["failures.any"]["date"] == "2026-09"


def test_records_are_listed_with_their_origin(both):
    context = both[0]["context"]
    assert context["scans"][1]["newT2Lesions"] == 3
    assert [score["value"] for score in context["edssScores"]] == [3.5, 4.0]
    for name in ("relapses", "scans", "edssScores", "responseScores", "cautions"):
        for record in context[name]:
            assert record["how"] in ("coded", "derived", "text"), name
            assert record["resources"], name


def test_conflicts_are_facts_too():
    as_json, text = explained(CONFLICTING)
    (conflict,) = [one for one in as_json["context"]["conflicts"] if one["id"] == "subtype-contradiction"]
    assert conflict["date"] == "2020"
    assert conflict["how"] == "derived"
    assert set(conflict["resources"]) == {"Condition/ppms-2015", "Condition/spms-2020"}
    assert "CONFLICTS IN THE CHART" in text


def test_every_cited_record_is_shown_as_it_stands_in_the_chart(both):
    as_json, text = both
    sources = as_json["sources"]
    assert sources["Observation/edss-2026-06-10"]["says"] == "EDSS; EDSS 4.0"
    assert sources["DiagnosticReport/mri-2026-09"]["date"] == "2026-09"
    cited = {ref for fact in as_json["context"]["facts"].values() for ref in fact["resources"]}
    assert cited <= sources.keys()
    for ref in cited:
        assert ref in text


def test_what_could_not_be_read_stands_first(both):
    text = both[1]
    assert text.index("COULD NOT BE READ, SO UNKNOWN") < text.index("TREATMENTS") < text.index("FACTS: WHO THIS IS")
    assert "diagnoses: the server answered with an error" in text
    assert "results: only a part of them was sent" in text


def test_unknown_facts_say_why_and_are_told_from_those_that_nothing_speaks_of():
    _, text = explained("F34, RRMS since 2019")
    assert "edss: unknown. EDSS not found." in text
    nothing = text[text.index("FACTS: CELL THERAPY") : text.index("FACTS: CAUTIONS THAT GATE OPTIONS")]
    assert "Read, and nothing recorded:\n      priorHsct none" in nothing


def test_the_json_can_be_written(both):
    assert orjson.loads(orjson.dumps(both[0]))["asOf"] == "2026-11-20"


def test_a_measured_value_keeps_its_digits_and_a_span_of_time_has_one():
    whole, text = explained("F45, RRMS since 2010\nnatalizumab since 2022-01-05, last 2026-11-02\nlab JCV index 1.54 on 2026-05-10")
    assert "jcv.index: 1.54" in text
    assert "natalizumab.exposureMonths: 58.5 months" in text
    assert "in months 49 to 72 of treatment by the table: JCV antibody positive (2026-05-10), index 1.54" in text
    assert whole["context"]["facts"]["jcv.index"]["value"] == 1.54


def test_a_finding_without_a_date_is_said_to_be_undated():
    _, text = explained("F45, RRMS since 2010\ncondition breast cancer")
    assert "coded; undated; Condition/" in text


def test_every_line_of_the_safety_matrix_has_a_reason_and_a_recorded_hazard_its_records():
    whole, text = explained(
        "M33, RRMS since 2021\nalemtuzumab courses 2023-02 2024-02\nrelapse 2026-03-09\nMRI 2026-03-16: 1 Gd\nEDSS 3.0 on 2026-09-10"
    )
    assert all(row["reason"] for row in whole["safety"])
    assert "it rests on no finding in the chart" in text

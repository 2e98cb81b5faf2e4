"""The workbench's own rules: what is drawn, changed, linked and signed. Pages in a browser: tests/e2e/test_review.py."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import jinja2
import pytest
from msgspec.structs import replace
from starlette.datastructures import QueryParams

from cds.advice import Policy, advise
from cds.api.clients import ConfigurationError
from cds.content import load_content
from cds.explain_input import chart_of_request
from cds.feedback import signatures
from cds.feedback.records import RecordError, Signature
from cds.feedback.report import CardLine, Reason, Report
from cds.fhir.dates import DateRange
from cds.patient.person.pregnancy_history import Pregnancy, pregnancies
from cds.protocol.outcome import Refusal
from cds.review import routes, signoff
from cds.review.access import Access
from cds.review.card_view import card_view, html_of
from cds.review.feedback import feedback_page, plot
from cds.review.matrix import matrix
from cds.review.paste import pasted_page
from cds.review.readability import readability
from cds.review.reading import read_synthetic, topic_state
from cds.review.signed_content import as_json, changes, content_of, hash_of
from cds.review.timeline import NARROW, WIDE, timeline
from cds.review.what_if import changed_lines, what_if_page
from cds.settings import Settings
from cds.vignette import expand, format_lines, load_patients, parse

TODAY = date(2026, 11, 20)
CONTENT = load_content()
PATIENTS = load_patients(CONTENT.root / "seeds" / "patients")
READINGS = {id: read_synthetic(CONTENT, patient, Policy()) for id, patient in PATIENTS.items()}


def context_of(text: str):
    chart, trigger = chart_of_request(expand(text, TODAY).request(), CONTENT)
    return advise(CONTENT, chart, trigger, TODAY).context


# The timeline


@pytest.mark.parametrize("shape", [WIDE, NARROW], ids=lambda shape: shape.name)
@pytest.mark.parametrize("id", PATIENTS)
def test_every_mark_lies_inside_the_drawing(id, shape):
    drawn = timeline(READINGS[id].advice.context, (), shape)
    if drawn is None:
        return
    for bar in drawn.bars:
        assert shape.left <= bar.x <= bar.x + bar.width <= drawn.plot_end + 6
        assert bar.vague_start + bar.vague_end <= bar.width + 0.01
    for mark in (*drawn.relapses, *drawn.scans, *drawn.edss):
        assert shape.left <= mark.x <= drawn.plot_end
        assert 0 < mark.y < drawn.height
    svg = jinja2.Environment(loader=jinja2.FileSystemLoader(routes.HERE / "templates"), autoescape=True).get_template("timeline.svg")
    root = ElementTree.fromstring(str(svg.module.draw(drawn)))  # type: ignore[attr-defined]
    assert root.get("role") == "img"


def test_a_vague_date_is_drawn_vague():
    bars = {
        bar.label: bar
        for bar in timeline(context_of("F34, RRMS since 2019\nfingolimod since 2024\nocrelizumab 2026-02-01 to 2026-05-03")).bars
    }
    assert bars["fingolimod"].vague_start > 100
    assert bars["fingolimod"].open
    assert bars["ocrelizumab"].vague_start == 0
    assert not bars["ocrelizumab"].open


def test_a_present_pregnancy_has_a_bar():
    bars = timeline(context_of("F34, RRMS since 2019\nEDSS 2.0 on 2026-10-01\npregnant 9 weeks")).bars
    assert [bar.kind for bar in bars] == ["pregnancy"]


def drawn_pregnancies(lines: str) -> list[tuple[str, bool, bool, bool]]:
    """Every bar of a pregnancy: what it says, whether its start and its end are vague, whether it goes on."""
    chart, trigger = chart_of_request(expand(f"F34, RRMS since 2019\nEDSS 2.0 on 2020-01-10\n{lines}", TODAY).request(), CONTENT)
    past = pregnancies(chart, CONTENT.terminology, CONTENT.rules.person.pregnancy, TODAY)
    drawn = timeline(advise(CONTENT, chart, trigger, TODAY).context, past)
    return [(b.title, b.vague_start > 10, b.vague_end > 10, b.open) for b in drawn.bars if b.kind == "pregnancy"]


@pytest.mark.parametrize(
    ("lines", "bars"),
    [
        ("pregnant 2021-01-10 to 2021-09-30", [("Pregnancy, 2021-01-10 to 2021-09-30", False, False, False)]),
        ("pregnant 2021-01-10 to 2021-09-30\ngave birth 2021-09-30", [("Pregnancy, 2021-01-10 to 2021-09-30", False, False, False)]),
        ("gave birth 2021-09-30", [("Pregnancy, start not recorded to 2021-09-30", True, False, False)]),
        (
            "pregnant 2021-01-10 to 2021-09-30\ngave birth 2023-05-01",
            [
                ("Pregnancy, 2021-01-10 to 2021-09-30", False, False, False),
                ("Pregnancy, start not recorded to 2023-05-01", True, False, False),
            ],
        ),
        ("not pregnant 2026-11-01", []),
    ],
)
def test_past_pregnancies_are_drawn_as_far_as_they_are_dated(lines, bars):
    assert drawn_pregnancies(lines) == bars


def test_a_present_pregnancy_is_drawn_once_beside_a_past_one():
    bars = drawn_pregnancies("gave birth 2021-09-30\npregnant 9 weeks")
    assert [(vague, is_open) for _, vague, _, is_open in bars] == [(True, False), (False, True)]


def test_a_pregnancy_without_a_recorded_end_fades_out():
    alone = Pregnancy(start=DateRange.parse("2021-01-10"), end=None, resources=("Condition/1",))
    bar = timeline(context_of("F34, RRMS since 2019\nEDSS 2.0 on 2020-01-10"), (alone,)).bars[0]
    assert (bar.title, bar.open) == ("Pregnancy, 2021-01-10 to an end not recorded", False)
    assert bar.vague_end == pytest.approx(bar.width)


@pytest.mark.parametrize("ongoing", [None, False])
def test_a_course_that_is_not_known_to_go_on_is_drawn_vague_from_its_last_dose(ongoing):
    context = context_of("F34, RRMS since 2019\nfingolimod since 2024-02-01")
    sure = timeline(context).bars[0]
    assert (sure.open, sure.vague_end) == (True, 0)
    doubtful = replace(context, treatments=(replace(context.treatments[0], ongoing=ongoing, doses=()),))
    bar = timeline(doubtful).bars[0]
    assert not bar.open
    assert bar.vague_end == pytest.approx(bar.width)


def test_texts_of_marks_do_not_touch():
    scores = "\n".join(f"EDSS {2 + n / 2} on 2026-{n + 1:02}-01" for n in range(9))
    marks = timeline(context_of(f"F34, RRMS since 2016\n{scores}\nEDSS 1.0 on 2016-01-01"), (), NARROW).edss
    told = [mark for mark in marks if mark.text]
    assert told[-1] == marks[-1]
    assert len(told) < len(marks)
    assert all(after.x - before.x > 15 for before, after in pairwise(told))


def test_what_lies_before_the_drawing_is_named():
    drawn = timeline(context_of("F60, RRMS since 1998\ninterferon beta-1a 1999 to 2004\nrelapse 2001-03\nEDSS 2.0 on 2026-10-01"))
    assert drawn.first.year == 2014
    assert "interferon beta-1a" in " ".join(drawn.earlier)


def test_a_chart_without_dates_has_no_drawing():
    assert timeline(context_of("F34, RRMS")) is None


# The matrix


def test_the_matrix_says_for_every_patient_and_topic_what_became_of_it():
    page = matrix(CONTENT, PATIENTS, READINGS, {})
    assert len(page["rows"]) == len(PATIENTS)
    for row in page["rows"]:
        fired = {topic for topic, state in row.cells.items() if state == "fired"}
        assert fired == {card.topic for card in READINGS[row.patient.id].advice.cards}


def test_the_filters_leave_what_fits():
    page = matrix(CONTENT, PATIENTS, READINGS, {"topic": "ahsct", "state": "fired"})
    assert page["columns"] == ["ahsct"]
    assert {row.patient.id for row in page["rows"]} == {id for id, r in READINGS.items() if topic_state(r.advice, "ahsct") == "fired"}
    assert matrix(CONTENT, PATIENTS, READINGS, {"text": "no such words"})["rows"] == []


def test_data_that_were_not_sent_are_unknown_not_silent():
    assert topic_state(READINGS["nearly-everything-missing"].advice, "ahsct") == "unknown"
    assert topic_state(READINGS["no-ms"].advice, "ahsct") == "silent"


# Cards and their sentences


@pytest.mark.parametrize("id", PATIENTS)
def test_every_claim_of_a_card_is_found_behind_one_of_its_sentences(id):
    advice = READINGS[id].advice
    for card in advice.cards:
        view = card_view(card, advice.context, CONTENT.evidence)
        linked = {claim.id for sentence in view.sentences for claim in sentence.claims}
        named = {source.id for sentence in view.sentences for source in sentence.sources}
        missing = [claim.id for claim in card.claims if claim.id not in linked and not named & set(claim.sources)]
        assert missing == []


def test_what_a_chart_says_is_shown_as_text():
    assert "<script>" not in html_of("- <script>alert(1)</script> [x](javascript:alert(1)) ![y](https://elsewhere.example/z.png)")
    assert "<img" not in html_of("![y](https://elsewhere.example/z.png)")
    assert 'href="javascript' not in html_of("[x](javascript:alert(1))")


def test_readability_counts_words_and_sentences():
    figures = readability("**Why here**\n- On [fingolimod](https://example.org): two relapses.")
    assert figures.characters == len("**Why here**\n- On [fingolimod]: two relapses.")
    assert (figures.words, figures.sentences, figures.longest) == (6, 2, 4)
    assert figures.lix == round(6 / 2 + 100 * 2 / 6)
    assert readability("").lix == 0


# What if


def told(text: str, **query) -> str:
    pairs = [(name, value) for name, values in query.items() for value in (values if isinstance(values, list) else [values])]
    return format_lines(changed_lines(parse(text), QueryParams(pairs), TODAY))


LINES = (
    "M38, born 1988-03\nRRMS since 2019\nEDSS 3.5 on 2026-09-20\nEDSS 2.0 on 2024-01-01\n"
    "relapse 2026-06\nrelapse 2023-06\nocrelizumab since 2024-01"
)


def test_nothing_asked_nothing_changed():
    assert told(LINES) == LINES


@pytest.mark.parametrize(
    ("query", "there", "gone"),
    [
        ({"age": "52"}, "M52", "born 1988-03"),
        ({"course": "SPMS"}, "SPMS since 2019", "RRMS"),
        ({"edss": "6.5"}, "EDSS 6.5 on 2026-09-20", "EDSS 3.5"),
        ({"edss": "notFound"}, "relapse 2026-06", "EDSS"),
        ({"relapses": "0"}, "relapse 2023-06", "relapse 2026-06"),
        ({"relapses": "2"}, "relapse 2026-10-06", "relapse 2026-06\n"),
        ({"pregnancy": "pregnant"}, "pregnant 10 weeks", "not pregnant"),
        ({"jcv": "high"}, "lab JCV index 2.1", "JCV negative"),
        ({"failed": ["natalizumab"]}, "natalizumab 2022-11 to 2025-11, code lack-of-efficacy", "fingolimod"),
        ({"drop": ["ocrelizumab since 2024-01"]}, "RRMS since 2019", "ocrelizumab"),
        ({"missing": ["medications", "procedures"]}, "no medications key\nno procedures key", "no observations"),
    ],
)
def test_a_control_changes_its_lines_only(query, there, gone):
    text = told(LINES, **query) + "\n"
    assert there in text
    assert gone not in text
    expand(text, TODAY)


@pytest.mark.parametrize(
    "query",
    [{"age": "two"}, {"course": "<script>"}, {"edss": "11"}, {"edss": "nan"}, {"relapses": "99"}, {"failed": ["x"]}, {"missing": ["x"]}],
)
def test_what_a_control_does_not_offer_changes_nothing(query):
    assert told(LINES, **query) == LINES


def test_a_changed_fact_shows_in_cards_facts_and_summaries():
    page = what_if_page(CONTENT, PATIENTS["ocrelizumab-failure"], QueryParams({"pregnancy": "pregnant"}), Policy())
    assert {change.topic: change.what for change in page["cards"]}["ahsct"] == "gone"
    assert "pregnancy" in {fact.name for fact in page["facts"]}
    assert ("fired", "silent") in {(row.before, row.after) for row in page["summaries"]}


def test_a_line_that_is_not_understood_is_said():
    page = what_if_page(CONTENT, PATIENTS["cis"], QueryParams({"lines": "F30\nnonsense here"}), Policy())
    assert "line 2" in page["error"]


# Paste


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", '{"resourceType": "Patient"}'])
def test_what_cannot_be_read_is_said_and_not_repeated(text):
    template, data = pasted_page(CONTENT, text, "2026-11-20", TODAY, Policy())
    assert template == "paste.html"
    assert data["error"].startswith("This cannot be read")


def test_a_bundle_is_read_like_any_chart():
    bundle = json.dumps(PATIENTS["ocrelizumab-failure"].expand().bundle)
    template, data = pasted_page(CONTENT, bundle, "2026-11-20", TODAY, Policy())
    assert template == "patient.html"
    assert [view.card.topic for view in data["cards"]][:1] == ["ahsct"]
    assert pasted_page(CONTENT, bundle, "tomorrow", TODAY, Policy())[1]["error"] == "The day is written YYYY-MM-DD."


# Sign-off

CARD = "ahsct-after-high-efficacy-failure"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def sign(decision: str = "approve", reviewer: str = "A. Reviewer", comment: str = "Read.", account: str = "", **other: str) -> Signature:
    form = {
        "decision": decision,
        "reviewer": reviewer,
        "role": "Neurologist",
        "comment": comment,
        "hash": hash_of(as_json(content_of(CONTENT, CARD))),
    }
    return signoff.signature_of(CONTENT, CARD, form | other, account, NOW)


def state(*rows: Signature) -> str:
    return signoff.standings(CONTENT, rows)[CARD].state


def test_the_last_word_of_each_reviewer_counts_and_one_rejection_outweighs():
    assert state() == "unsigned"
    assert state(sign()) == "approved"
    assert state(sign(), sign("reject", "B. Reviewer")) == "rejected"
    assert state(sign("reject"), sign()) == "approved"
    assert state(sign(), sign("approveWithChanges", "B. Reviewer")) == "changes"


def test_a_changed_card_has_no_signature_and_shows_what_changed():
    now = content_of(CONTENT, CARD)
    old = now | {"card": [*now["card"], "A line that is gone."]}
    row = sign()._replace(content_hash=hash_of(as_json(old)), signed=as_json(old))
    standing = signoff.standings(CONTENT, [row])[CARD]
    assert (standing.state, standing.earlier) == ("unsigned", row)
    assert list(changes(row.signed, now)) == [("card file", [("-", "A line that is gone.")])]


def test_a_changed_claim_figure_or_criterion_changes_the_hash():
    now = content_of(CONTENT, CARD)
    for part in ("claims", "sources", "criteria", "summary"):
        id, record = next(iter(now[part].items())) if part != "summary" else ("", now[part])
        changed = now | {part: now[part] | {id: {**record, "note": "x"}} if id else {**record, "title": "x"}}
        assert hash_of(as_json(changed)) != hash_of(as_json(now))


def test_every_card_has_a_hash_of_its_own_content():
    found = {name: as_json(content_of(CONTENT, name)) for name in CONTENT.deck.cards}
    assert len(set(found.values())) == len(CONTENT.deck.cards)
    assert content_of(CONTENT, "dmt-safety")["hazards"].keys() == CONTENT.safety.rows.keys()


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"hash": "0" * 64}, 409),
        ({"decision": "maybe"}, 422),
        ({"reviewer": " "}, 422),
        ({"role": ""}, 422),
        ({"comment": "x" * 4001}, 422),
        ({"decision": "reject", "comment": ""}, 422),
    ],
)
def test_a_form_that_is_not_whole_is_refused(form, status):
    with pytest.raises(Refusal) as refused:
        sign(**form)
    assert refused.value.status == status


def test_who_signed_in_signs_in_their_own_name():
    assert sign(reviewer="Somebody else", account="a.reviewer@hospital.example").reviewer == "a.reviewer@hospital.example"


def test_the_record_holds_no_markup_and_no_content():
    rows = [sign("reject", comment="Wrong | figure\n<b>")]
    assert "Wrong \\| figure &lt;b>" in signoff.export_markdown(CONTENT, rows).decode()
    assert b'"signed"' not in signoff.export_json(CONTENT, rows)


def test_without_a_record_nothing_is_signed_and_without_its_server_nothing_is_known(tmp_path: Path):
    assert signatures.read(f"sqlite+aiosqlite:///{tmp_path}/folder/record.sqlite3") == []
    with pytest.raises(RecordError, match="RANVIER_DATABASE_URL"):
        signatures.read(f"postgresql+psycopg://ranvier@/none?host={tmp_path}")


def test_where_sign_off_is_required_only_approved_cards_speak():
    vignette = PATIENTS["ocrelizumab-failure"].expand()
    chart, trigger = chart_of_request(vignette.request(), CONTENT)
    signed = signoff.approved(CONTENT, [sign()])
    advice = advise(CONTENT, chart, trigger, TODAY, Policy(signed=signed))
    assert [card.name for card in advice.cards] == [CARD]
    assert "dmt-switch-after-high-efficacy" in {held.candidate.name for held in advice.held_back}
    assert advise(CONTENT, chart, trigger, TODAY, Policy(signed=frozenset())).cards == ()


# Access


def settings(**chosen: object) -> Settings:
    return Settings(_env_file=None, **chosen)


def test_the_workbench_is_off_in_production_unless_it_is_asked_for():
    assert settings().workbench
    assert not settings(mode="production").workbench
    assert settings(mode="production", review=True).workbench
    assert not settings(review=False).workbench


@pytest.mark.parametrize(
    "chosen",
    [
        {"mode": "production"},
        {"mode": "production", "review_user_header": "X-Forwarded-User"},
        {"mode": "production", "review_secret": "sixteen letters or more"},
        {"review_user_header": "X-Forwarded-User"},
    ],
)
def test_it_does_not_start_where_anybody_could_come_in(chosen):
    with pytest.raises(ConfigurationError, match="RANVIER_REVIEW"):
        Access(settings(**chosen))


# Feedback

LINE = CardLine("2026-11", "ahsct", "x", "2026.11.1", 10, 3, 4, (Reason("a", None, "<b>Patient refuses</b>", 3),))


def test_the_sums_of_feedback_are_those_of_its_lines():
    page = feedback_page(CONTENT, lambda *_: Report((LINE, LINE), (), ()), {})
    assert (page["total"].shown, page["total"].accepted, page["total"].overridden) == (20, 6, 8)
    assert page["reasons"] == [("<b>Patient refuses</b>", 6), ("no reason given", 2)]
    assert "<b>" not in page["reason_plot"]
    assert feedback_page(CONTENT, lambda *_: Report((), (), ()), {"since": "x"})["error"] == "A day is written YYYY-MM-DD."


def test_a_plot_has_no_script_and_no_style_of_its_own():
    drawn = plot("By topic", {"accepted": [1, 2], "overridden": [3, 0]}, ["<script>", "b"])
    root = ElementTree.fromstring(str(drawn))
    assert root.get("role") == "img"
    for element in root.iter():
        assert not str(element.tag).endswith(("script", "style"))
        assert "style" not in element.attrib
    assert plot("Nothing", {}, []) == ""

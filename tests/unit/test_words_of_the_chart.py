"""Words of a chart stay words on a card: no link, no HTML and no line of their own comes from them."""

import re
from datetime import date

import pytest

from cds.advice import advise
from cds.content import load_content
from cds.deck.inert import inert
from cds.explain_input import chart_of_request
from cds.vignette import expand

CONTENT = load_content()
AS_OF = date(2026, 11, 20)
PATIENT = """F37, RRMS since 2019
ocrelizumab since 2023-01-10
relapse 2026-06-01
MRI 2026-07-01: 2 Gd
EDSS 3.0 on 2026-09-01
visit 2026-09-01
note "Underwent AHSCT {words} in 2019" on 2026-06-01"""


def cards(request):
    chart, trigger = chart_of_request(request, CONTENT)
    return advise(CONTENT, chart, trigger, AS_OF).cards


def with_words(words):
    request = expand(PATIENT.replace("{words}", "WORDS"), AS_OF).request("patient-view")
    for entry in request["prefetch"]["observations"]["entry"]:
        for note in entry["resource"].get("note", ()):
            note["text"] = note["text"].replace("WORDS", words)
        if "WORDS" in entry["resource"].get("valueString", ""):
            entry["resource"]["valueString"] = entry["resource"]["valueString"].replace("WORDS", words)
    return cards(request)


@pytest.mark.parametrize(
    "words",
    [
        "[click](https://evil.example)",
        "![pixel](https://evil.example/x.png)",
        "<b onclick=x>now</b>",
        "<https://evil.example>",
        "see https://evil.example/a",
    ],
)
def test_nothing_active_comes_from_a_note(words):
    found = with_words(words)
    assert any("Underwent AHSCT" in card.detail for card in found)
    for card in found:
        own = {link.url for link in card.links}
        assert set(re.findall(r"\]\(([^)]*)\)", card.detail)) <= own
        assert not re.search(r"<[A-Za-z/!?]", card.detail)
        assert not re.search(r"(?<!\]\()https?://", card.detail)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("see https://evil.example/a", "see https ://evil.example/a"),
        ("HTTP://evil.example, JavaScript:alert(1)", "HTTP ://evil.example, JavaScript :alert(1)"),
        ("(ftp://a) mailto:a@b.example data:text/html,x", "(ftp ://a) mailto :a@b.example data :text/html,x"),
        ("[a](https://evil.example)", "[a] (https ://evil.example)"),
        ("[a](https://own.example)", "[a](https://own.example)"),
        ("ratio 1:2, metadata:x, data: EDSS 3; x_http://a", "ratio 1:2, metadata:x, data: EDSS 3; x_http://a"),
        ("<b>n<3 <5", "‹b>n<3 <5"),
    ],
)
def test_what_looks_like_an_address_or_a_tag_is_taken_apart(words, shown):
    assert inert(words, {"https://own.example"}) == shown


def test_what_is_quoted_gets_no_line_of_its_own():
    request = expand(f"{PATIENT.partition('note')[0]}natalizumab 2020-01 to 2022-01", AS_OF).request("patient-view")
    (order,) = (e["resource"] for e in request["prefetch"]["medicationRequests"]["entry"] if "natalizumab" in str(e).lower())
    order["medicationCodeableConcept"]["text"] = "fingolimod\n\n**Forged heading**\n- forged bullet\u2028- another"
    found = cards(request)
    assert any("Forged heading" in card.detail for card in found), "the conflict between code and words is shown"
    assert not any(line.startswith(("**Forged", "- forged", "- another")) for card in found for line in card.detail.splitlines())

"""Any vignette the grammar allows can be written, read back the same, and expanded to valid FHIR R4."""

from datetime import date, timedelta

from fhir.resources.R4B import get_fhir_model_class
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds.vignette import Line, expand, format_lines, parse
from cds.vignette.grammar import FORM, FORMS, fields, option_name
from cds.vignette.words import words

AS_OF = date(2026, 11, 20)
DAYS = st.dates(date(2019, 1, 1), AS_OF).map(date.isoformat)
DATES = st.one_of(
    DAYS, DAYS.map(lambda day: day[:7]), DAYS.map(lambda day: day[:4]), st.sampled_from(["today", "8 weeks ago", "2 years ago"])
)
PHRASES = st.lists(st.text("abcdefgh", min_size=1, max_size=6), min_size=1, max_size=3).map(" ".join)
SPAN = st.integers(0, 2000).flatmap(
    lambda length: st.dates(date(2019, 1, 1), AS_OF - timedelta(days=length)).map(lambda day: (day, day + timedelta(days=length)))
)

VALUES = {
    "number": st.integers(0, 40).map(str),
    "date": DATES,
    "dates": st.lists(DAYS, min_size=1, max_size=3).map(" ".join),
    "person": st.sampled_from(["F34", "M60", "X5", "U", "F"]),
    "stage": st.sampled_from(["planned", "considered", "cancelled", "declined", "failed"]),
    "reason": st.sampled_from(sorted(words()["stopReasons"])),
    "system": st.sampled_from(["snomed", "icd10cm", "icd10"]),
    "interval": st.sampled_from(["4 weeks", "8 weeks", "6 months"]),
    "code": st.sampled_from(["G35", "Z94.84", "340", "24700007"]),
    "id": st.sampled_from(["a", "b-1", "c.2"]),
    "word": st.text("abcdef", min_size=1, max_size=8),
    "quoted": st.one_of(PHRASES, PHRASES.map(lambda text: f"{text}, ({text}).")),
    "text": st.one_of(PHRASES, PHRASES.map(lambda text: f"{text}, ({text})")),
    "value": st.sampled_from(["2.9", "<0.2", "positive", "negative", "*1/*3", "poor metaboliser", "120"]),
}


@st.composite
def lines(draw, kinds):
    form = FORM[draw(st.sampled_from(kinds))]
    asked = fields(draw(st.sampled_from(form.templates)))
    name = draw(st.sampled_from([word for section in form.section.split("+") for word in words()[section]])) if "name" in asked else ""
    start, end = draw(SPAN)
    value = draw(VALUES[asked["value"]]) if "value" in asked else ""
    on = (start.isoformat() if "until" in asked else draw(DATES)) if "on" in asked else ""
    until = end.isoformat() if "until" in asked else ""
    chosen = draw(st.lists(st.sampled_from(form.options), max_size=3, unique=True)) if form.options else []
    options = []
    for template in chosen:
        types = fields(template)
        optional = template.strip().endswith("]") or template.startswith("[")
        given = draw(VALUES[types["value"]]) if types and not (optional and draw(st.booleans())) else ""
        options.append((option_name(template), given))
    return Line(form.kind, name, value, on, until, tuple(options))


FACTS = [form.kind for form in FORMS if form.kind != "header"]
VIGNETTES = st.tuples(VALUES["person"].map(lambda person: Line("header", value=person)), st.lists(lines(FACTS), max_size=6)).map(
    lambda drawn: (drawn[0], *drawn[1])
)
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(VIGNETTES)
def test_any_vignette_reads_back_the_same(vignette):
    assert parse(format_lines(vignette)) == vignette


@quick
@given(VIGNETTES)
def test_any_vignette_expands_to_valid_fhir(vignette):
    sound = [line for line in vignette if line.kind != "refused" and not line.has("refused")]
    expanded = expand(format_lines(sound), AS_OF)
    for bundle in (expanded.bundle, expanded.draft_orders):
        for entry in bundle.get("entry", []):
            resource = entry["resource"]
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)
            assert (
                resource["resourceType"] == "Patient"
                or resource.get("subject")
                or resource.get("patient")
                or resource["resourceType"] == "Medication"
            )


@quick
@given(VIGNETTES)
def test_ids_are_unique_and_the_same_text_gives_the_same_request(vignette):
    sound = [
        Line(line.kind, line.name, line.value, line.on, line.until, tuple(o for o in line.options if o[0] != "id")) for line in vignette
    ]
    text = format_lines(sound)
    expanded = expand(text, AS_OF)
    ids = [entry["fullUrl"] for entry in expanded.bundle.get("entry", [])]
    assert len(ids) == len(set(ids))
    assert expanded.request() == expand(text, AS_OF).request()

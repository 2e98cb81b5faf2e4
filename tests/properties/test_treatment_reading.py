"""Properties of reading treatment (F11–F15): order, noise and duplicates change nothing; what is unread is never a confident no."""

from datetime import date, timedelta
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from cds.evidence.load import read_records
from cds.evidence.model import Definition
from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.fhir.dates import DateRange
from cds.patient.context import Fact, Relapse, Scan
from cds.patient.treatment.episodes import build_exposures
from cds.patient.treatment.exposure import Record, Stop
from cds.patient.treatment.outcomes import Verdict, judge
from cds.patient.treatment.read import judge_outcomes, read_exposures, treatment_facts
from cds.patient.treatment.rules import TreatmentRules
from cds.three_valued import Bounds

SEEDS = Path(__file__).parents[2] / "seeds"
AS_OF = date(2026, 11, 20)
KEYS = {
    "conditions": "Condition", "medicationRequests": "MedicationRequest", "medicationStatements": "MedicationStatement",
    "medicationAdministrations": "MedicationAdministration", "procedures": "Procedure",
}  # fmt: skip
DRUGS = ("glatiramer", "fingolimod", "natalizumab", "ocrelizumab", "alemtuzumab", "dimethyl-fumarate", "diroximel-fumarate")


@cache
def rules() -> TreatmentRules:
    paths = (SEEDS / "evidence" / "definitions" / "treatment").glob("*.yaml")
    return TreatmentRules.of({definition.id: definition.thresholds for _, definition in read_records(paths, Definition)})


@cache
def terminology() -> Terminology:
    return Terminology.load(SEEDS / "terminology")


def blurred(day: date, precision: int) -> DateRange:
    """A day as FHIR would write it to the day, the month or the year."""
    return DateRange.parse(day.isoformat()[:precision])


days = st.dates(date(2018, 1, 1), AS_OF)
precisions = st.sampled_from((10, 10, 7, 4))
moments = st.builds(blurred, days, precisions)
stops = st.sampled_from(
    (
        (),
        (Stop(kind="efficacy", says="lack of efficacy", written="relapses"),),
        (Stop(kind="harm", says="adverse effect", written="rash"),),
        (Stop(kind=None, says="reason not understood", written="see letter"),),
    )
)


@st.composite
def drug_records(draw: st.DrawFn) -> Record:
    says = draw(st.sampled_from(("taken", "finished", "ended", "paused", "given")))
    start = draw(st.none() | moments) if says != "given" else draw(moments)
    end = None
    if says in ("finished", "ended") and start is not None and draw(st.booleans()):
        end = DateRange.on(min(AS_OF, start.last + timedelta(days=draw(st.integers(0, 900)))))
    supply = None
    if start is not None and draw(st.booleans()):
        supply = DateRange.on(start.last + timedelta(days=draw(st.integers(1, 400))))
    return Record(
        drug=draw(st.sampled_from(DRUGS)),
        ref=f"MedicationRequest/{draw(st.integers(1, 99))}",
        says=says,
        start=start,
        end=end,
        supply_until=supply,
        last=draw(st.none() | moments) if says in ("taken", "paused") else None,
        earlier=draw(st.sampled_from((False, False, True))),
        not_on=draw(st.none() | moments) if says in ("ended", "paused") and end is None else None,
        stops=draw(stops) if says in ("ended", "finished") else (),
        doubt=draw(st.sampled_from(("", "", "", "unclear"))),
    )


histories = st.lists(drug_records(), max_size=6)
relapses = st.lists(
    st.builds(lambda on: Relapse(onset=on, status="relapse", resources=(f"Condition/{on}",), how="coded"), moments), max_size=3
)
counts = st.sampled_from((None, Bounds.exactly(0), Bounds.exactly(1), Bounds.exactly(3), Bounds.at_least(1), Bounds.at_least(2)))


@st.composite
def mris(draw: st.DrawFn) -> Scan:
    on = draw(moments)
    return Scan(
        date=on, gd_lesions=draw(counts), new_t2_lesions=draw(counts), compared_with=draw(st.none() | moments), marked_t2_increase=None,
        clean=None, counts=draw(st.sampled_from((True, True, False))), resources=(f"DiagnosticReport/{on}",), how="text",
    )  # fmt: skip


scans = st.lists(mris(), max_size=3)


def judged(records: list[Record], attacks: list[Relapse], images: list[Scan]) -> tuple[Verdict, ...]:
    return judge(build_exposures(records, rules(), AS_OF), attacks, images, [], rules())


@settings(max_examples=120, deadline=None)
@given(histories, relapses, scans, st.randoms())
def test_order_never_matters(records, attacks, images, random):
    expected = judged(records, attacks, images)
    random.shuffle(records)
    random.shuffle(attacks)
    random.shuffle(images)
    assert judged(records, attacks, images) == expected


@settings(max_examples=120, deadline=None)
@given(histories, relapses, scans)
def test_a_record_sent_twice_changes_no_outcome(records, attacks, images):
    once, twice = judged(records, attacks, images), judged([*records, *records], attacks, images)
    assert [(v.exposure.drug, v.outcome, v.kind, v.inflammatory) for v in once] == [
        (v.exposure.drug, v.outcome, v.kind, v.inflammatory) for v in twice
    ]


@settings(max_examples=200, deadline=None)
@given(histories, relapses, scans)
def test_every_course_hangs_together(records, attacks, images):
    for verdict in judged(records, attacks, images):
        course = verdict.exposure
        assert verdict.reason.endswith(".")
        assert (verdict.kind is not None) == (verdict.outcome == "failed")
        assert (verdict.failed is True) == (verdict.outcome == "failed") or course.doubt
        assert verdict.established is not True or verdict.inflammatory is True
        assert verdict.inflammatory is not True or verdict.failed is True
        assert not (verdict.early and verdict.established)
        assert verdict.outcome != "failed" or not course.doubt
        assert course.phase(AS_OF) in ("washIn", "acting", "rebound", "residual", "off", "unknown")
        assert course.acts.first <= course.acts.last
        assert course.ongoing is not True or course.acting(AS_OF) is True


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(("glatiramer", "natalizumab", "ocrelizumab")), days, precisions, days, precisions)
def test_less_precise_dates_never_turn_an_outcome_round(drug, start, start_precision, onset, onset_precision):
    """A partial date may make the outcome unknown; it may not make a failure out of none, nor none out of a failure."""

    def outcome(begun: DateRange, attack: DateRange):
        record = Record(drug=drug, ref="r", says="taken", start=begun, supply_until=DateRange.on(date(2027, 6, 1)))
        relapse = Relapse(onset=attack, status="relapse", resources=(), how="coded")
        (verdict,) = judged([record], [relapse], [])
        return verdict.inflammatory

    sharp = outcome(DateRange.on(start), DateRange.on(onset))
    assert outcome(blurred(start, start_precision), blurred(onset, onset_precision)) in (sharp, None)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(("glatiramer", "natalizumab", "ocrelizumab")), days, st.integers(0, 1200), relapses, scans)
def test_an_unknown_start_says_no_more_than_a_known_one(drug, start, later, attacks, images):
    """A statement that a drug is taken, without its start, may leave the outcome open; it may not turn it round."""
    asserted, supply = DateRange.on(min(AS_OF, start + timedelta(days=later))), DateRange.on(date(2027, 6, 1))
    known = Record(drug=drug, ref="r", says="taken", start=DateRange.on(start), last=asserted, supply_until=supply)
    stated = Record(drug=drug, ref="r", says="taken", last=asserted, earlier=True, supply_until=supply)
    (sharp,), (open_,) = judged([known], attacks, images), judged([stated], attacks, images)
    assert open_.inflammatory in (sharp.inflammatory, None)
    assert open_.established in (sharp.established, None)


@settings(max_examples=150, deadline=None)
@given(histories, relapses, relapses)
def test_more_relapses_never_undo_a_failure(records, attacks, more):
    before, after = judged(records, attacks, []), judged(records, [*attacks, *more], [])
    for one, other in zip(before, after, strict=True):
        if one.inflammatory is True:
            assert other.inflammatory is not False
        assert one.inflammatory is not None or other.inflammatory is not False


@settings(max_examples=150, deadline=None)
@given(histories, relapses, scans)
def test_unreadable_data_never_make_a_confident_no(records, attacks, images):
    """Counts from a history that is visibly incomplete have no upper bound, and nothing is said not to be."""
    sent = [fhir(record, number) for number, record in enumerate(records) if not record.doubt]
    refused = {**fhir(Record(drug="natalizumab", ref="x", says="taken"), 99), "status": None}
    facts = facts_of([*sent, refused], attacks, images)
    assert facts["treatment.readable"].value is False
    for name in ("dmt.noneRecorded", "dmt.untreated", "dmt.naive"):
        assert facts[name].value is not True
    for name in ("antiCd20.ever", "antiCd20.failed", "immunosuppression.prior", "rebound.window", "dmt.plannedOrDrafted"):
        assert facts[name].value is not False
    for name in ("breakthrough.actingLast12Months", "worsening.actingLast12Months"):
        assert facts[name].value is not False
    for name, fact in facts.items():
        if name.startswith("failures.") or name == "dmt.everCount":
            assert isinstance(fact.value, Bounds)
            assert fact.value.high == float("inf")


@settings(max_examples=60, deadline=None)
@given(histories, relapses, scans, st.integers(0, 3))
def test_unrelated_resources_change_nothing(records, attacks, images, number):
    sent = [fhir(record, n) for n, record in enumerate(records) if not record.doubt]
    noise = [
        {
            **fhir(Record(drug="glatiramer", ref="x", says="taken", start=DateRange.parse("2020")), 200 + n),
            "medicationCodeableConcept": concept,
        }
        for n, concept in enumerate(({"text": "lisinopril 10 mg"}, {"text": "vitamin D"}, {"text": "ferrous fumarate"})[:number])
    ]
    assert facts_of([*sent, *noise], attacks, images) == facts_of(sent, attacks, images)


def facts_of(resources: list[dict], attacks: list[Relapse], images: list[Scan]) -> dict[str, Fact]:
    """The facts of a chart with these orders, also checked for reading the same twice."""
    prefetch = {key: {"resourceType": "Bundle", "type": "searchset", "entry": []} for key in KEYS}
    prefetch["medicationRequests"]["entry"] = [{"resource": resource} for resource in resources]
    chart = Chart.from_prefetch(prefetch, "p", KEYS)
    exposures = read_exposures(chart, terminology(), rules(), AS_OF)
    verdicts = judge_outcomes(exposures, attacks, images, (), rules())
    assert verdicts == judge_outcomes(exposures, attacks, images, (), rules())
    known = {"activity": Fact(value="notActive", reason=""), "worsening.last12Months": Fact(value=False, reason="")}
    return treatment_facts(exposures, verdicts, known, rules())


def fhir(record: Record, number: int) -> dict:
    """A record as a MedicationRequest."""
    status = {"taken": "active", "finished": "completed", "ended": "stopped", "paused": "on-hold", "given": "completed"}[record.says]
    bounds = {"start": str(record.start)} if record.start is not None and len(str(record.start)) <= 10 else {}
    if record.end is not None:
        bounds["end"] = record.end.first.isoformat()
    resource = {
        "resourceType": "MedicationRequest", "id": f"m{number}", "status": status, "intent": "order", "subject": {"reference": "Patient/p"},
        "medicationCodeableConcept": {"text": rules().name(record.drug) + (" 12 mg" if record.drug == "alemtuzumab" else "")},
    }  # fmt: skip
    if bounds:
        resource["dosageInstruction"] = [{"timing": {"repeat": {"boundsPeriod": bounds}}}]
    if record.stops:
        resource["statusReason"] = {"text": record.stops[0].written}
    return resource

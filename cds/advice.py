"""From a chart to cards: the one way through the house. Pure: no I/O, no clock.

chart → patient context → matches and safety findings → candidates → cards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from msgspec import Struct, field
from msgspec.structs import replace

from cds.content import Content
from cds.deck import safety as safety_card
from cds.deck.cards import ENGLISH
from cds.deck.missing import BASIC, Missing, missing_items, unread_items
from cds.deck.pen import Pen
from cds.deck.rank import Candidate, HeldBack, Situation, select
from cds.deck.render import Card, render_to_fit
from cds.deck.size import Size
from cds.evidence.drug_evidence import DrugEvidence, EvidenceRow, row_for, stance_of
from cds.evidence.match import Judge, Match, judging, match_all
from cds.evidence.model import Topic
from cds.evidence.safety import SafetyFinding, assess, drafted_standing, standings, stopped_standing
from cds.fhir.chart import Chart
from cds.patient.context import PatientContext
from cds.patient.orders import Trigger
from cds.patient.read import Opening, read_patient

ORDER_HOOKS = ("order-select", "order-sign")
"""Hooks that speak only to an order that concerns MS."""
DRUG_TOPICS: tuple[Topic, ...] = ("dmtInitiation", "dmtSwitch", "dmtProgressive")
"""Cards that compare drugs: they list those tried, and those that this chart speaks against."""
MS_IS_ABSENT = ("ms-suspected-or-present", "ms-or-cis")
"""Criteria of which the first must fail, and the second must not hold, for a call not to concern MS at all."""
FIRST_SUBTYPE = ("ms-present", "ms-or-cis")
"""Criteria of which one must newly hold, with a subtype, for a Condition just recorded to be worth a card."""


class Policy(Struct, frozen=True):
    """What a site sets: how many cards at most, which topics are off, in which language, and what comes with them."""

    cap: int = 3
    topics_off: frozenset[str] = frozenset()
    evidence_base: str | None = None
    """https address under which `/evidence/{summary}` is served; no evidence link without it."""
    repeat_at_sign: bool = False
    """Whether order-sign repeats what order-select shows. What is a matter of safety always is (CH-SAFE-04)."""
    suggestions: bool = False
    """Whether cards offer drafts of orders; never recommended."""
    language: str | None = None
    """Language of the cards, one of `Content.decks`; what a translation leaves out is said in English. `None`: as the call asks."""
    signed: frozenset[str] | None = None
    """Names of the cards that reviewers have signed off; no other is shown. `None`: all may be shown."""

    def allows(self, candidate: Candidate) -> bool:
        """Whether the site shows such a card."""
        return candidate.topic not in self.topics_off and (self.signed is None or candidate.name in self.signed)


class Beside(Struct, frozen=True):
    """What a card may need besides its match: hazards of the chart, drugs that it speaks against, and evidence for drafted drugs."""

    safety: Mapping[Topic, tuple[SafetyFinding, ...]] = field(default_factory=dict)
    ruled_out: tuple[SafetyFinding, ...] = ()
    drafted: tuple[tuple[DrugEvidence, EvidenceRow], ...] = ()


class Advice(Struct, frozen=True):
    """The cards, and everything that led to them or held others back.

    `chosen` are the cards before they are put into words, in the order in which they are shown, and `beside` is what they need for it.
    `safety` is every hazard looked at, shown or not, of the drugs in `drugs_assessed`.
    """

    as_of: date
    context: PatientContext
    matches: tuple[Match, ...]
    chosen: tuple[Candidate, ...] = ()
    held_back: tuple[HeldBack, ...] = ()
    missing: tuple[Missing, ...] = ()
    safety: tuple[SafetyFinding, ...] = ()
    drugs_assessed: tuple[str, ...] = ()
    beside: Beside = Beside()
    cards: tuple[Card, ...] = ()
    language: str = ENGLISH


def advise(
    content: Content, chart: Chart, trigger: Trigger, as_of: date, policy: Policy = Policy(), opening: Opening | None = None
) -> Advice:
    """Advice for one chart on one day. Same chart, content, trigger and day: the same advice.

    `opening`: what was read of the chart on this day already (`cds.first_look`); it changes nothing but the time.
    """
    chosen = decide(content, chart, trigger, as_of, policy, opening)
    cards = tuple(_render(content, chosen, candidate, policy) for candidate in chosen.chosen)
    return replace(chosen, cards=cards, language=policy.language or ENGLISH)


def decide(
    content: Content, chart: Chart, trigger: Trigger, as_of: date, policy: Policy = Policy(), opening: Opening | None = None
) -> Advice:
    """The same without the words: which cards there are, and why, for whoever needs no text."""
    context = read_patient(chart, as_of, content, trigger, opening)
    judged = judging(content.evidence, context.facts)

    def met(id: str) -> bool:
        return judged(id).verdict == "met"

    matches = match_all(content.evidence, context.facts, trigger.hook, judged)
    if _silent(content, trigger, as_of, judged, matches):
        return Advice(as_of, context, matches)

    stands = standings(context.treatments, trigger.orders, as_of)
    findings = assess(content.safety, stands, context.facts, as_of)
    order, only_safety = trigger.hook in ORDER_HOOKS, met("pml-confirmed-or-suspected")
    situation = Situation(transplant_first=met("transplant-before-drugs"), pml=only_safety, car_t_named=met("car-t-recorded-or-ordered"))
    of_topic = {match.summary.topic: _of_topic(content, match.summary.topic, context, as_of) for match in matches if match.fires}
    beside_topic = {topic: tuple(finding for finding in found if finding.recorded) for topic, found in of_topic.items()}
    drafted = _drafted(content, context, trigger, findings) if all(map(met, content.drug_evidence.gates)) else ()
    candidates = [_candidate(match, beside_topic) for match in matches if match.fires]
    if drafted:
        stance = stance_of(content.drug_evidence, (row for _, row in drafted), context.facts)
        candidates.append(Candidate("dmt-evidence", "EV", "dmtEvidence", stance))
    unsigned = [candidate for candidate in candidates if policy.signed is not None and candidate.name not in policy.signed]
    candidates = [candidate for candidate in candidates if policy.allows(candidate)]
    shown, _ = select(candidates, situation, policy.cap)

    told = {candidate.topic for candidate in shown}  # a card about a therapy carries the hazards of that therapy
    own = [finding for finding in findings if content.safety.rows[finding.drug].topic not in told]
    hazards = safety_card.for_card(own, shown, order=order, only_safety=only_safety)
    if hazards and policy.allows(speaking := safety_card.candidate(hazards)):
        candidates.append(speaking)
        shown, _ = select(candidates, situation, policy.cap)
    missing = missing_items({id: judged(id) for id in BASIC}, matches, _named_items(shown))
    if not (shown or missing) and met("ms-present"):
        missing = unread_items(context.not_read, content.deck.wording)
    asking = Candidate("missing-data", "MD", "missingData", "background", first=any(item.basic for item in missing))
    if missing and policy.allows(asking):
        candidates.append(asking)
    shown, held = select(candidates, situation, policy.cap)
    held += [HeldBack(candidate, "Its present content is not signed off") for candidate in unsigned]
    if trigger.hook == "order-sign" and not policy.repeat_at_sign:
        signing = [c for c in shown if _holds_a_signature(c, hazards)]
        held += [HeldBack(c, "Shown at order-select, not repeated at order-sign") for c in shown if c not in signing]
        shown = signing

    rebound = tuple(finding for finding in own if finding.hazard.rebound and finding.recorded)
    beside = Beside(
        safety={**beside_topic, "dmtSafety": hazards, "dmtSwitch": rebound, "dmtDiscontinuation": _after_stopping(content, context, as_of)},
        ruled_out=_ruled_out(content, context, as_of) if any(candidate.topic in DRUG_TOPICS for candidate in shown) else (),
        drafted=drafted,
    )
    assessed = dict.fromkeys(stand.drug for stand in stands if stand.stage != "off")
    beyond = [finding for found in of_topic.values() for finding in found if finding.drug not in assessed]
    drugs = tuple(dict.fromkeys([*assessed, *(finding.drug for finding in (*findings, *beyond))]))
    safety = (*findings, *beyond)
    return Advice(as_of, context, matches, tuple(shown), tuple(held), tuple(missing), safety, drugs, beside)


def _silent(content: Content, trigger: Trigger, as_of: date, judged: Judge, matches: Sequence[Match]) -> bool:
    """Whether the call is not for us: no MS, an order that does not concern it, nothing new on the problem list, or a death."""
    if trigger.hook in ORDER_HOOKS and not trigger.orders:
        return True
    if trigger.hook == "problem-list-item-create" and not _first_subtype(content, trigger, as_of, judged):
        return True
    if judged("deceased").verdict == "met":
        return True
    ms, cis = (judged(id).verdict for id in MS_IS_ABSENT)
    return ms == "notMet" and cis != "met" and not any(match.fires for match in matches)


def _first_subtype(content: Content, trigger: Trigger, as_of: date, judged: Judge) -> bool:
    """Whether the Conditions just recorded make a subtype of MS, or CIS, known that was not known before them."""
    if trigger.before is None:
        return False
    before = judging(content.evidence, read_patient(trigger.before, as_of, content, Trigger(hook=trigger.hook)).facts)

    def named(id: str, found: Judge) -> bool:
        return all(found(criterion).verdict == "met" for criterion in (id, "subtype-recorded"))

    return any(named(id, judged) and not named(id, before) for id in FIRST_SUBTYPE)


def _of_topic(content: Content, topic: Topic, context: PatientContext, as_of: date) -> tuple[SafetyFinding, ...]:
    """The hazards of the therapy that a topic is about, such as transplantation, weighed as if it were ordered."""
    drugs = [drafted_standing(row.drug, as_of) for row in content.safety.rows.values() if row.topic == topic]
    return assess(content.safety, drugs, context.facts, as_of)


def _ruled_out(content: Content, context: PatientContext, as_of: date) -> tuple[SafetyFinding, ...]:
    """Contraindications and boxed situations that this chart holds, over all drugs."""
    drugs = [drafted_standing(row.drug, as_of) for row in content.safety.rows.values() if row.topic is None]
    findings = assess(content.safety.against, drugs, context.facts, as_of, held=True)
    return tuple(finding for finding in findings if finding.level == "warning")


def _after_stopping(content: Content, context: PatientContext, as_of: date) -> tuple[SafetyFinding, ...]:
    """What would be said of the months after stopping the drugs that act now."""
    drugs = [stopped_standing(episode) for episode in context.treatments if episode.acting]
    return assess(content.safety.rebound, drugs, context.facts, as_of)


def _drafted(
    content: Content, context: PatientContext, trigger: Trigger, findings: Iterable[SafetyFinding]
) -> tuple[tuple[DrugEvidence, EvidenceRow], ...]:
    """The evidence for each drafted drug; not where a hazard of it is recorded, for then only safety speaks (summary EV)."""
    hazardous = {finding.drug for finding in findings if finding.recorded}
    drugs = dict.fromkeys(order.drug for order in trigger.orders if order.drug and order.drug not in hazardous)
    rows = [(drug, row_for(content.drug_evidence, drug, context.facts)) for drug in drugs]
    return tuple((content.drug_evidence.drugs[drug], row) for drug, row in rows if row is not None)


def _candidate(match: Match, beside_topic: dict[Topic, tuple[SafetyFinding, ...]]) -> Candidate:
    summary = match.summary
    warning = match.stance == "caution" and summary.stance == "caution" and any(f.level == "warning" for f in beside_topic[summary.topic])
    return Candidate(summary.id, summary.rule, summary.topic, match.stance, "warning" if warning else "info", match)


def _holds_a_signature(candidate: Candidate, hazards: Sequence[SafetyFinding]) -> bool:
    """Whether order-sign shows the card even if order-select did: a warning, or another matter of safety of what is signed."""
    if candidate.indicator == "warning" or (candidate.topic == "dmtSafety" and safety_card.holds_a_signature(hazards)):
        return True
    return candidate.match is not None and candidate.match.summary.stance == "caution"


def _named_items(shown: Sequence[Candidate]) -> list[str]:
    """What the shown cards name as not found."""
    return [f.criterion.item for c in shown if c.match for f in c.match.limits + c.match.favourable if f.verdict == "unknown"]


def _render(content: Content, advice: Advice, candidate: Candidate, policy: Policy) -> Card:
    url = f"{policy.evidence_base}/evidence/{candidate.name}" if policy.evidence_base and candidate.match else None
    deck, beside = content.decks[policy.language or ENGLISH], advice.beside

    def pen_of(size: Size) -> Pen:
        return Pen(
            content.evidence,
            deck,
            advice.context,
            candidate.match,
            content.edition,
            missing=advice.missing,
            safety=beside.safety.get(candidate.topic, ()),
            ruled_out=beside.ruled_out if candidate.topic in DRUG_TOPICS else (),
            options=deck.cards[candidate.name].front.options,
            drafted=beside.drafted if candidate.topic == "dmtEvidence" else (),
            size=size,
        )

    card = render_to_fit(
        candidate.name,
        deck,
        pen_of,
        rule=candidate.rule,
        stance=candidate.stance,
        indicator=candidate.indicator,
        evidence_url=url,
    )
    return card if policy.suggestions else replace(card, suggestions=())

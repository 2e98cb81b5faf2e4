"""What a card's template calls: each verb writes bullets from the claims and this chart, and keeps account of what is cited."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from msgspec import Struct, field

from cds.deck import safety as say
from cds.deck import treatments
from cds.deck.cards import Deck
from cds.deck.edition import Edition
from cds.deck.lengths import SUMMARY_LIMIT, enumerated, utf16_length
from cds.deck.missing import Missing
from cds.deck.size import ALL, FULL, Size
from cds.deck.wording import Wording
from cds.evidence.criteria import Finding, Verdict, judge
from cds.evidence.drug_evidence import DrugEvidence, EvidenceRow
from cds.evidence.load import Evidence
from cds.evidence.match import Match
from cds.evidence.model import Claim, Source, Sourced
from cds.evidence.safety import SafetyFinding
from cds.patient.context import PatientContext

VERBS = frozenset(
    (
        "claim", "more", "leading", "why", "when_true", "failed", "known", "value", "not_met", "profile", "signs",
        "differences", "not_found",
        "unknown_items", "gaps", "cautions", "not_read", "dates", "stance", "context", "missing", "missing_items",
        "safety_title",
        "recorded", "uncited", "unread", "careful", "to_check", "rebound", "tried", "against", "licences", "studied",
        "drug_names",
    )
)  # fmt: skip
"""What a card's template can use."""
MOST_DIFFERENCES = 3
"""Most respects in which a card says how the people studied differ from this patient."""


class Pen(Struct):
    """Collects what a template shows: the claims and the sources whose links the card must carry."""

    evidence: Evidence
    deck: Deck
    context: PatientContext
    match: Match | None
    edition: Edition
    missing: Sequence[Missing] = ()
    safety: Sequence[SafetyFinding] = ()
    """Hazards of this chart that the card is about, or that bear on its option."""
    ruled_out: Sequence[SafetyFinding] = ()
    """Contraindications and boxed situations of this chart, over all drugs; a card on drugs lists them and leaves such drugs out."""
    options: bool = False
    """Whether the card names drugs to change to."""
    drafted: Sequence[tuple[DrugEvidence, EvidenceRow]] = ()
    size: Size = FULL
    claims: list[Claim] = field(default_factory=list)
    cited: dict[str, Source] = field(default_factory=dict)
    named: dict[str, Source] = field(default_factory=dict)
    """The sources cited and those named beside them without an address, in the order of the card."""
    told: set[str] = field(default_factory=set)
    lists: list[int] = field(default_factory=list)
    """How many claims each `more` of the card shows, in the order of the template."""
    leading_lists: list[int] = field(default_factory=list)
    """The same for each `claim`."""
    closed: frozenset[str] = frozenset()
    """Therapies that this chart speaks against: no claim for exactly such a drug is shown. Worked out from the fields above.

    One with a contraindication or boxed situation; on a card of options also one that failed or was stopped for harm.
    """

    def __post_init__(self) -> None:
        drugs = [finding.drug for finding in self.ruled_out]
        if self.options:
            drugs += [episode.drug for episode in self.context.treatments if episode.outcome == "failed" or episode.harmed]
        self.closed = frozenset(drug.replace("-", " ") for drug in drugs)

    @property
    def wording(self) -> Wording:
        """The words of the deck's language."""
        return self.deck.wording

    def claim(self, *ids: str) -> str:
        """One bullet a claim: its words, its certainty and its citation. A claim whose source was withdrawn is left out."""
        return self._at_most(ids, self.size.leading, self.leading_lists)

    def more(self, *ids: str) -> str:
        """Claims that are shown as long as the card has room, the first longest."""
        return self._at_most(ids, self.size.claims, self.lists)

    def _at_most(self, ids: Sequence[str], size: Sequence[int], lists: list[int]) -> str:
        """As many of the claims as the list has room for; `lists` notes how many that were."""
        most = size[len(lists)] if len(lists) < len(size) else ALL
        bullets = list(islice((line for id in ids if (line := self._bullet(self.evidence.claims[id]))), most))
        lists.append(len(bullets))
        return "\n".join(bullets)

    def leading(self) -> str:
        """The claims that a changed stance leads with, such as those on pregnancy; never left out for room."""
        bullets = (self._bullet(self.evidence.claims[id]) for id in (self.match.leading_claims if self.match else ()))
        return "\n".join(bullet for bullet in bullets if bullet)

    def _bullet(self, claim: Claim) -> str:
        citing = self.evidence.citing(claim)
        if not citing.showable or (claim.therapy in self.closed and claim.topic.startswith(self.wording.drug_topics)):
            return ""
        self.claims.append(claim)
        text = (claim.brief or claim.sentence).removesuffix(".")
        first, *others = citing.citable
        cited = self._citation(first)
        self.named.update({source.id: source for source in citing.beside})
        more = (f" +{len(others)}" if others else "") + "".join(f", {source.citation}" for source in citing.beside)
        if text.startswith(f"{first.citation}:"):
            return f"- {cited}{more}{text.removeprefix(first.citation)} ({claim.certainty})"
        return f"- {text} ({cited}{more}; {claim.certainty})"

    def _citation(self, source: Source) -> str:
        """The citation, with its address the first time the card names the source."""
        if source.id in self.cited:
            return source.citation
        self.cited[source.id] = self.named[source.id] = source
        return f"[{source.citation}]({source.identifiers.link})"

    def why(self, *facts: str) -> str:
        """One bullet a fact that is known: how the chart says so."""
        known = (self.context.facts[name] for name in facts)
        return "\n".join(dict.fromkeys(f"- {say.upper(fact.reason)}" for fact in known if fact.value is not None and fact.reason))

    def when_true(self, *facts: str) -> str:
        """One bullet a flag that holds; nothing of the others."""
        return self.why(*(name for name in facts if self.context.facts[name].value is True))

    def failed(self, *tiers: str) -> str:
        """One bullet a failed drug of these tiers (all when none is named): when it was taken, and what showed the failure."""
        episodes = [e for e in self.context.treatments if e.outcome == "failed" and (not tiers or e.tier in tiers)]
        return "\n".join(f"- {say.upper(treatments.failed(episode, self.wording))}" for episode in episodes)

    def known(self, name: str) -> bool:
        """Whether a fact is known and, if it is a flag, true."""
        return self.context.facts[name].value not in (None, False)

    def value(self, name: str) -> str:
        """A fact's value as a word or number; `unknown` when it is not known."""
        value = self.context.facts[name].value
        return "unknown" if value is None else str(value)

    def not_met(self, *criteria: str) -> str:
        """One bullet a criterion that this chart fails: how the chart says so."""
        findings = [judge(self.evidence.criteria[id], self.evidence.conditions[id], self.context.facts) for id in criteria]
        return "\n".join(f"- {finding.reason}" for finding in findings if finding.verdict == "notMet")

    def profile(self) -> str:
        """The features of the profile that studies or guidance name: those that fit; `differences` says which do not."""
        return self._features("fits_profile", "met")

    def signs(self) -> str:
        """Features of higher activity that are known to be present, in one bullet."""
        return self._features("higher_activity", "met")

    def _features(self, phrase: str, verdict: Verdict) -> str:
        texts = [say.lower(f.criterion.text) for f in (self.match.favourable if self.match else ()) if f.verdict == verdict]
        return f"- {self.wording.phrase(phrase, features='; '.join(texts))}" if texts else ""

    def differences(self) -> str:
        """Indirectness: whom the sources named so far studied, where this patient is known to differ; one bullet for the same sources."""
        differing: dict[tuple[str, str], list[str]] = {}
        for source in self.named:
            for aspect, condition in self.evidence.studied.get(source, ()):
                if condition.test(self.context.facts) is False:
                    here = say.in_brief(self.context.facts[name].reason for name in condition.why(self.context.facts))
                    differing.setdefault((aspect.people, here), []).append(self.evidence.sources[source].citation)
        bullets: dict[str, list[tuple[str, str]]] = {}
        for aspect_and_here, cited in islice(differing.items(), 1 if self.size.brief else MOST_DIFFERENCES):
            bullets.setdefault("; ".join(dict.fromkeys(cited)), []).append(aspect_and_here)
        return "\n".join(f"- {self._difference(cited, differences)}" for cited, differences in bullets.items())

    def _difference(self, cited: str, differences: Sequence[tuple[str, str]]) -> str:
        people = ", ".join(people for people, _ in differences)
        here = "; ".join(dict.fromkeys(here for _, here in differences))
        return self.wording.phrase("studied_differs", people=people, cited=cited, here=here)

    def not_found(self) -> str:
        """What limits and features could not be checked: in one bullet what was not found, then what the chart holds but leaves open."""
        unknown = self._unknown()
        unclear = {finding.criterion.item: reason for finding in unknown if (reason := self._left_open(finding))}
        absent = dict.fromkeys(finding.criterion.item for finding in unknown if finding.criterion.item not in unclear)
        bullets = [self.wording.phrase("not_checked", items=", ".join(absent))] if absent else []
        if self.size.brief and unclear:
            bullets.append(self.wording.phrase("unclear_brief", items=", ".join(unclear)))
        else:
            bullets += [self.wording.phrase("unclear", item=say.upper(item), reason=reason) for item, reason in unclear.items()]
        return "\n".join(f"- {bullet}" for bullet in bullets)

    def unknown_items(self) -> list[str]:
        """The data behind unknown limits and favourable features, each named once."""
        return list(dict.fromkeys(finding.criterion.item for finding in self._unknown()))

    def _unknown(self) -> list[Finding]:
        """The limits and favourable features of which it is not known whether they are met."""
        findings = self.match.limits + self.match.favourable if self.match else ()
        return [finding for finding in findings if finding.verdict == "unknown"]

    def _left_open(self, finding: Finding) -> str:
        """Why records that are there do not settle a criterion; empty where there are none."""
        condition = self.evidence.conditions[finding.criterion.id]
        behind = (self.context.facts[name] for name in condition.why(self.context.facts))
        return " ".join(dict.fromkeys(fact.reason for fact in behind if fact.value is None and fact.resources and fact.reason))

    def gaps(self) -> str:
        """What the evidence does not answer, one bullet each."""
        gaps = [*(self.match.summary.gaps if self.match else ()), *(gap for drug, row in self.drafted for gap in (*row.gaps, *drug.gaps))]
        return "\n".join(f"- {gap}." for gap in dict.fromkeys(gaps))

    def cautions(self) -> str:
        """What in this chart speaks for care with the option, one bullet each, conflicts of the record included."""
        conflicts = [f"- {conflict.text}" for conflict in self.context.conflicts]
        return "\n".join(dict.fromkeys([*self._safety_lines(f for f in self.safety if f.recorded), *conflicts]))

    def safety_title(self) -> str:
        """The headline of the safety card."""
        return say.title(self.safety, SUMMARY_LIMIT - utf16_length(self.wording.openings["caution"]) - 1, self.wording)

    def recorded(self) -> str:
        """Contraindications and boxed situations that this chart holds, and on cards that are about one therapy every hazard of it."""
        return "\n".join(self._safety_lines(f for f in self.safety if f.level == "warning" or (self.match and f.recorded)))

    def careful(self) -> str:
        """Cautions that this chart holds."""
        return "\n".join(self._safety_lines(f for f in self.safety if f.recorded and f.level != "warning"))

    def uncited(self) -> str:
        """Hazards of this chart that only a text without identifier names: without its sentence, so that none is passed over."""
        written = [finding for finding in self.safety if finding.hazard.column != "unread"]
        findings = [finding for finding in written if finding.recorded and not self.evidence.showable(finding.claim)]
        if self.size.brief and findings:
            return f"- {self.wording.phrase('uncited_brief', drugs=say.short(findings, self.wording, brief=True))}"
        return "\n".join(
            f"- {self.wording.phrase('uncited', drug=say.upper(f.name), hazard=say.lower(f.hazard.hazard), reason=f.reason)}"
            for f in findings
        )

    def unread(self) -> str:
        """Grave hazards of this chart on which nothing was read with the drug: named, so that silence is not taken for their absence."""
        return "\n".join(say.unread(self.safety))

    def rebound(self) -> str:
        """What is said of the months after stopping a drug."""
        return "\n".join(self._safety_lines(f for f in self.safety if f.hazard.rebound))

    def to_check(self) -> str:
        """What a label or guidance asks for at this order, and what of it this chart does not hold."""
        met = self._safety_lines(f for f in self.safety if f.verdict == "met" and not f.recorded)
        citable = [finding for finding in self.safety if self.evidence.showable(finding.claim)]
        return "\n".join([*met, *say.not_known(citable, self._cite_finding, self.wording, brief=self.size.brief)])

    def _safety_lines(self, findings: Iterable[SafetyFinding]) -> list[str]:
        """Bullets for findings not told yet on this card; only those whose sentence can be cited (design, promise 2)."""
        new = [finding for finding in findings if finding.hazard.id not in self.told and self.evidence.showable(finding.claim)]
        left = max(0, self.size.hazards - len(self.told))
        self.told.update(finding.hazard.id for finding in new)
        return say.lines(new, self._cite_finding, self.wording, left, brief=self.size.brief)

    def _cite_finding(self, finding: SafetyFinding) -> str:
        """The sources of a hazard's sentence; those without an identifier by name only, none where a claim on the card says the same."""
        if any(claim.id == finding.hazard.claim for claim in self.claims):
            return ""
        self.claims.append(finding.claim)
        sources = self.evidence.sources_of(finding.claim)
        return "; ".join(self._citation(source) if source.identifiers.citable else source.citation for source in sources[:2])

    def tried(self) -> str:
        """The drugs taken so far, in one bullet."""
        told = treatments.tried(self.context.treatments, self.wording)
        return f"- {self.wording.phrase('tried', drugs=told)}" if told else ""

    def against(self) -> str:
        """The drugs of which this chart holds a contraindication or boxed situation, each with its first source, in one bullet."""

        def cite(finding: SafetyFinding) -> str:
            return self.evidence.sources_of(finding.claim)[0].citation

        named = say.short(self.ruled_out, self.wording, cite, brief=self.size.brief)
        self.claims += [finding.claim for finding in self.ruled_out if self.evidence.showable(finding.claim)]
        return f"- {self.wording.phrase('against', drugs=named)}" if named else ""

    def drug_names(self, room: int) -> str:
        """The drafted drugs, for a headline, in at most `room` UTF-16 code units."""
        return enumerated([drug.name for drug, _ in self.drafted], room, self.wording)

    def missing_items(self, room: int) -> str:
        """What is missing, for a headline, in at most `room` UTF-16 code units."""
        return enumerated([item.item for item in self.missing], room, self.wording)

    def licences(self) -> str:
        """What the licences of the drafted drugs say of whom they are for; only where they were read."""
        records = [self.evidence.drugs[id] for drug, _ in self.drafted for id in drug.records]
        rows = [(place, text) for record in records for place, text in (("us", record.indicated_us), ("eu", record.indicated_eu)) if text]
        return "\n".join(dict.fromkeys(line for place, text in rows if (line := self._licence(place, text))))

    def _licence(self, place: str, text: Sourced) -> str:
        cited = [self.evidence.sources[id] for id in text.sources if self.evidence.sources[id].identifiers.citable]
        said = text.value if isinstance(text.value, str) else "; ".join(text.value)
        return f"- {self.wording.phrase(f'licence_{place}', text=said, cited=self._citation(cited[0]))}" if cited else ""

    def studied(self) -> str:
        """The claims on the drafted drugs in this course of MS."""
        return self.claim(*(id for _, row in self.drafted for id in row.claims))

    def not_read(self) -> str:
        """What was sent and could not be read, in one bullet."""
        things = list(dict.fromkeys(item.what for item in self.context.not_read))
        return f"- {self.wording.phrase('not_read', things=', '.join(things))}" if things else ""

    def dates(self) -> str:
        """The last line of every card: day of the chart and of the content (CH-SAFE-01)."""
        overdue = self.match is not None and self.match.summary.next_review < self.context.as_of
        line = self.wording.phrase("dates", as_of=self.context.as_of, version=self.edition.version, reviewed=self.edition.reviewed)
        one_list = self.wording.phrase("one_list", list=self.edition.one_list) if self.edition.one_list else ""
        return " ".join(filter(None, (line, one_list, self.wording.phrase("overdue") if overdue else "")))

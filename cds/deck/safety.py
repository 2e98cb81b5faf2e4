"""How safety findings become a card, lines on other cards, and the short lists on drug cards (clinical-rules section 3 and 4)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from cds.deck.rank import Candidate
from cds.deck.wording import Wording
from cds.evidence.criteria import Finding
from cds.evidence.safety import WARNED, SafetyFinding

CARD, RULE = "dmt-safety", "SF"
ABSORBS_REBOUND = ("S3", "S4")
"""Rules whose cards carry the lines on rebound."""
Cite = Callable[[SafetyFinding], str]
"""How the sources of a finding are printed; empty where the card says the same already."""


def for_card(findings: Sequence[SafetyFinding], shown: Sequence[Candidate], *, order: bool, only_safety: bool) -> tuple[SafetyFinding, ...]:
    """The findings of the safety card; none if there is nothing to say beside the cards shown.

    A warning always speaks. Information alone speaks where it is loud (`quiet: false`), of a drafted drug, beside an option or caution, or
    where nothing but safety is shown. What is to be checked or is not known belongs to the drafted drug on order hooks.
    """
    absorbed = any(candidate.rule in ABSORBS_REBOUND for candidate in shown)
    recorded = [f for f in findings if f.recorded and not (f.hazard.rebound and absorbed)]
    to_check = [f for f in findings if order and f.drafted and not f.recorded and f.verdict != "notMet" and f.hazard.column != "unread"]
    options = any(c.stance in ("option", "caution") and c.topic not in ("dmtEvidence", "missingData") for c in shown)
    loud = any(f.level == "warning" or not f.hazard.quiet or (order and f.drafted) for f in recorded)
    speaks = loud or bool(to_check) or (options and bool(recorded)) or (only_safety and bool(recorded))
    return (*recorded, *to_check) if speaks else ()


def holds_a_signature(findings: Sequence[SafetyFinding]) -> bool:
    """Whether these are told before signing: a hazard of a drafted drug is recorded, or data on a contraindication are missing."""
    return any(f.drafted and (f.recorded or (f.verdict == "unknown" and f.hazard.column in WARNED)) for f in findings)


def candidate(findings: Sequence[SafetyFinding]) -> Candidate:
    """The safety card as a candidate: a warning where a contraindication or boxed situation is recorded."""
    warning = any(finding.level == "warning" for finding in findings)
    return Candidate(CARD, RULE, "dmtSafety", "caution", indicator="warning" if warning else "info")


def title(findings: Sequence[SafetyFinding], room: int, wording: Wording) -> str:
    """The card's headline in at most `room` UTF-16 code units: the first hazard, and how many more drugs and hazards there are.

    What is recorded comes first, of that the drug that is ordered; then what a record leaves open, then what is missing.
    """
    first = min(findings, key=lambda finding: (finding.level != "warning", not finding.recorded, not finding.drafted, not _held(finding)))
    drug, hazard = wording.term(first.name), wording.term(lower(first.hazard.hazard))
    if first.recorded:
        more = len({(f.drug, f.hazard.hazard) for f in findings if f.recorded}) - 1
        what = wording.titles[first.hazard.column] + (f"; {more} {wording.titles['more']}" if more else "")
        forms = [f"{drug}, {hazard}: {what}.", f"{drug}: {what}."]
    elif _held(first):
        forms = [f"{drug}, {hazard}: {wording.titles['unclear']}.", f"{drug}: {wording.titles['unclear']}."]
    else:
        forms = [f"{drug}: {wording.titles['unknown' if first.verdict == 'unknown' else 'check']}."]
    return next((form for form in forms if len(form.encode("utf-16-le")) // 2 <= room), forms[-1])


def lines(findings: Sequence[SafetyFinding], cite: Cite, wording: Wording, most: int, *, brief: bool = False) -> list[str]:
    """One bullet a hazard: drug, hazard, what the chart says of it (once), and the sentence; beyond `most` bullets only names.

    Hazards of one drug that rest on the same words of the chart share a bullet.
    """
    groups: dict[tuple[str, str], list[SafetyFinding]] = {}
    for finding in findings:
        groups.setdefault((finding.drug, finding.reason), []).append(finding)
    bullets: list[str] = []
    for group in list(groups.values())[:most]:
        bullets.append(_line(group, " ".join(bullets), cite))
    if rest := [finding for group in list(groups.values())[most:] for finding in group]:
        bullets.append(f"- {wording.phrase('also', drugs=short(rest, wording, brief=brief))}")
    return bullets


def _line(group: Sequence[SafetyFinding], told: str, cite: Cite) -> str:
    hazards = dict.fromkeys(lower(finding.hazard.hazard) for finding in group)
    reasons = [reason for reason in group[0].reasons if reason not in told]
    said = [f"{finding.hazard.sentence.removesuffix('.')} ({cited})." for finding in group if (cited := cite(finding))]
    return " ".join([f"- {upper(group[0].name)}, {'; '.join(hazards)}:", *reasons, *said])


def unread(findings: Iterable[SafetyFinding]) -> list[str]:
    """One bullet a hazard that the chart holds and on which nothing was read with the drug."""
    found = (f for f in findings if f.recorded and f.hazard.column == "unread")
    return [f"- {upper(f.name)}, {lower(f.hazard.hazard)}: {f.reason}" for f in found]


def not_known(findings: Sequence[SafetyFinding], cite: Cite, wording: Wording, *, brief: bool = False) -> list[str]:
    """The data that labels or guidance name and that this chart leaves open, one bullet a record; then one bullet a drug: what it has not.

    In brief, how many.
    """
    unknown = [finding for finding in findings if finding.verdict == "unknown"]
    absent = {(f.name, f.hazard.item) for f in unknown if not _held(f)}
    unclear = {(f.name, f.hazard.item): f for f in reversed(unknown) if (f.name, f.hazard.item) not in absent}
    missing = list(dict.fromkeys((f.name, f.hazard.item) for f in unknown if not _held(f)))
    if brief:
        told = {"unclear_brief": [*reversed(unclear)], "not_found_brief": missing}
        blanks = {"unclear_brief": "items", "not_found_brief": "drugs"}
        return [f"- {wording.phrase(name, **{blanks[name]: _counted(pairs)})}" for name, pairs in told.items() if pairs]
    bullets = []
    for (drug, item), finding in reversed(unclear.items()):
        cited = cite(finding)
        reason = f"{_held(finding).removesuffix('.')} ({cited})." if cited else _held(finding)
        bullets.append(f"- {wording.phrase('unclear', item=f'{upper(drug)}: {item}', reason=reason)}")
    for drug in dict.fromkeys(drug for drug, _ in missing):
        items, first = [item for name, item in missing if name == drug], next(f for f in unknown if f.name == drug and not _held(f))
        bullets.append(f"- {wording.phrase('not_found', drug=upper(drug), items=', '.join(items), cited=cite(first))}")
    return bullets


def _counted(pairs: Iterable[tuple[str, str]]) -> str:
    """Drugs, each with the number of data: `ocrelizumab (2), fingolimod (1)`."""
    drugs = Counter(drug for drug, _ in pairs)
    return ", ".join(f"{drug} ({count})" for drug, count in drugs.items())


def _held(finding: SafetyFinding) -> str:
    """What records say that leave an unknown hazard open; empty where the chart holds none, or where the hazard is known."""
    if finding.verdict != "unknown":
        return ""
    grounds = (finding.facts[name] for name in finding.pair.condition.why(finding.facts))
    return " ".join(dict.fromkeys(ground.reason for ground in grounds if ground.resources and ground.reason))


def short(findings: Iterable[SafetyFinding], wording: Wording, cite: Cite | None = None, *, brief: bool = False) -> str:
    """Drugs and hazards in one line, each with one source if asked for: `teriflunomide (pregnancy; US label, Aubagio 2026)`.

    In brief, the first hazard of each drug and how many more there are.
    """
    drugs: dict[str, list[SafetyFinding]] = {}
    for finding in findings:
        drugs.setdefault(finding.name, []).append(finding)
    parts = []
    for name, of in drugs.items():
        hazards = list(dict.fromkeys(lower(finding.hazard.hazard) for finding in of))
        if brief:
            first, others = hazards[0], len(hazards) - 1
            parts.append(f"{name} ({wording.phrase('and_more', first=first, count=others) if others else first})")
        else:
            parts.append(f"{name} ({', '.join(hazards)}{f'; {cite(of[0])}' if cite else ''})")
    return "; ".join(parts)


def findings_as_criteria(findings: Iterable[SafetyFinding]) -> tuple[Finding, ...]:
    """The findings as the explanation lists criteria."""
    return tuple(Finding(finding.pair.criterion, finding.verdict, finding.behind) for finding in findings)


def in_brief(reasons: Iterable[str]) -> str:
    """What each reason says first, without what it rests on: neither brackets nor what follows a colon, save a number."""
    return "; ".join(lower(_first(reason)) for reason in reasons)


def _first(reason: str) -> str:
    text = re.split(r" \(|\. ", reason)[0].removesuffix(".")
    before, _, after = text.partition(": ")
    return text if after.isdigit() or " " not in before else before


def upper(text: str) -> str:
    """Words at the beginning of a line."""
    return text[:1].upper() + text[1:]


def lower(text: str) -> str:
    """Words inside a sentence; abbreviations and signs of elements keep their capitals."""
    return text if (text[:2].isalpha() and text[:2].isupper()) or text.startswith("Gd ") else text[0].lower() + text[1:]

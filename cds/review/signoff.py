"""Sign-off: what reviewers decided on each card, whether it stands, and the record of it for others.

A signature holds for one hash of a card's content. A changed card has another hash, and so no signature.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import orjson
from msgspec import Struct

from cds.content import Content
from cds.feedback.records import Signature
from cds.protocol.outcome import Issue, Refusal
from cds.review.signed_content import as_json, content_of, hash_of, hashes
from cds.settings import Settings

DECISIONS = {"approve": "approve", "approveWithChanges": "approve with changes", "reject": "reject"}
State = Literal["approved", "changes", "rejected", "unsigned"]
STATES: dict[State, str] = {
    "approved": "approved",
    "changes": "approved once changed",
    "rejected": "rejected",
    "unsigned": "not signed",
}
LONGEST = {"reviewer": 120, "role": 120, "comment": 4_000}


class Standing(Struct, frozen=True):
    """How one card stands: its hash, the state, the decisions on this hash, and the last signature on an earlier one."""

    card: str
    hash: str
    state: State
    decisions: tuple[Signature, ...]
    earlier: Signature | None


def standings(content: Content, signatures: Iterable[Signature]) -> dict[str, Standing]:
    """How every card stands now."""
    found = list(signatures)
    return {name: _standing(name, hash, [row for row in found if row.card == name]) for name, hash in hashes(content).items()}


def _standing(name: str, hash: str, rows: list[Signature]) -> Standing:
    """The last word of each reviewer counts. One rejection outweighs approvals, and so does one wish for changes."""
    last = {(row.account, row.reviewer): row.decision for row in rows if row.content_hash == hash}
    decisions = set(last.values())
    state: State = (
        "rejected" if "reject" in decisions else "changes" if "approveWithChanges" in decisions else "approved" if decisions else "unsigned"
    )
    earlier = [row for row in rows if row.content_hash != hash]
    return Standing(name, hash, state, tuple(row for row in rows if row.content_hash == hash), earlier[-1] if earlier else None)


def approved(content: Content, signatures: Iterable[Signature]) -> frozenset[str]:
    """The cards that may be shown where a sign-off is required."""
    return frozenset(name for name, standing in standings(content, signatures).items() if standing.state == "approved")


def signed_cards(content: Content, settings: Settings) -> frozenset[str] | None:
    """What the site may show: everything (`None`), or what is approved now. Blocking; raises `RecordError` if that cannot be read."""
    if not settings.require_signoff:
        return None
    from cds.feedback.signatures import read  # SQLAlchemy is loaded only where it is needed

    return approved(content, read(settings.database))


def signature_of(content: Content, name: str, form: Mapping[str, str], account: str, now: datetime) -> Signature:
    """The signature that a form asks for.

    Raises `Refusal` 404 for a card that does not exist, 409 if its content is no longer that which the reviewer read, 422 for a form
    that is not complete.
    """
    if name not in content.deck.cards:
        raise Refusal(404, (Issue("not-found", "There is no card with this name."),))
    signed = as_json(content_of(content, name))
    hash = hash_of(signed)
    if form.get("hash") != hash:
        raise Refusal(409, (Issue("invalid", "The card has changed since the page was opened. Read it again, then sign."),))
    words = {field: form.get(field, "").strip() for field in LONGEST}
    words["reviewer"] = account or words["reviewer"]
    for field, most in LONGEST.items():
        if len(words[field]) > most:
            raise Refusal(422, (Issue("too-long", f"The {field} has at most {most} characters."),))
    if form.get("decision") not in DECISIONS or not words["reviewer"] or not words["role"]:
        raise Refusal(422, (Issue("required", "A decision, a name and a role are needed."),))
    if form["decision"] != "approve" and not words["comment"]:
        raise Refusal(422, (Issue("required", "A rejection or a wish for changes needs a comment that says what to change."),))
    version = content.edition.version
    return Signature(
        str(uuid.uuid4()), now, name, hash, version, form["decision"], words["reviewer"], words["role"], account, words["comment"], signed
    )


def export_json(content: Content, signatures: Iterable[Signature]) -> bytes:
    """The record as JSON: how every card stands, and every signature without the content it was given for."""
    rows = list(signatures)
    document: dict[str, Any] = {
        "contentVersion": content.edition.version,
        "contentHash": content.edition.hash,
        "cards": [{"card": s.card, "hash": s.hash, "state": s.state} for s in standings(content, rows).values()],
        "signatures": [{name: value for name, value in row._asdict().items() if name != "signed"} for row in rows],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def export_markdown(content: Content, signatures: Iterable[Signature]) -> bytes:
    """The same as Markdown."""
    rows = list(signatures)
    lines = [
        f"# Sign-off of content {content.edition.version}",
        "",
        f"Content hash `{content.edition.hash}`",
        "",
        "| Card | State | Hash |",
        "|---|---|---|",
    ]
    lines += [f"| {s.card} | {STATES[s.state]} | `{s.hash[:16]}` |" for s in standings(content, rows).values()]
    lines += ["", "## Signatures", "", "| When | Card | Hash | Decision | Reviewer | Role | Comment |", "|---|---|---|---|---|---|---|"]
    lines += [
        f"| {row.at:%Y-%m-%d %H:%M} UTC | {row.card} | `{row.content_hash[:16]}` | {DECISIONS[row.decision]} "
        f"| {_cell(row.reviewer)} | {_cell(row.role)} | {_cell(row.comment)} |"
        for row in rows
    ]
    return ("\n".join(lines) + "\n").encode()


def _cell(text: str) -> str:
    """Free text inside a table of Markdown: one line, nothing that ends the cell or begins HTML."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")

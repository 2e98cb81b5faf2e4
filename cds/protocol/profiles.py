"""What Ranvier does differently for a kind of client. One row a kind; docs/clients.md shows this table."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Checks = Literal["interop", "strict"]
ProfileName = Literal["interop", "strict", "epic", "oracle", "sandbox"]


class Profile(Struct, frozen=True):
    """`checks`: faults of real clients are tolerated or refused. `explanation`: cards carry the explanation extension.

    `content_type`: cards say in Epic's extension that their detail is Markdown. `replay`: a token may be used more than once.
    """

    note: str
    checks: Checks = "interop"
    explanation: bool = True
    content_type: bool = False
    replay: bool = False


PROFILES: dict[ProfileName, Profile] = {
    "interop": Profile("Any client. The default."),
    "strict": Profile("Conformance testing: what the specification forbids is refused.", checks="strict"),
    "epic": Profile("Epic: no explanation in the cards, their Markdown is declared.", explanation=False, content_type=True),
    "oracle": Profile("Oracle Health: cards without extensions.", explanation=False),
    "sandbox": Profile("The public CDS Hooks Sandbox and test kits that send one token several times. Never for real data.", replay=True),
}
EXPLANATION = "org.ranvier.explanation"
"""The extension in which a card says how it came about."""
EPIC_CONTENT_TYPE = "com.epic.cdshooks.card.detail.content-type"

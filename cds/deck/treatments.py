"""How a card says the drugs taken so far: when, and how each ended."""

from __future__ import annotations

from collections.abc import Iterable

from cds.deck.wording import Wording
from cds.patient.context import Episode


def failed(episode: Episode, wording: Wording) -> str:
    """A failed drug in one sentence: when it was taken, and what showed the failure."""
    flags = "".join(f", {flag}" for flag in _flags(episode, wording))
    return wording.phrase("failed", drug=episode.name, when=_period(episode, wording), flags=flags, shown_by=episode.shown_by)


def tried(episodes: Iterable[Episode], wording: Wording) -> str:
    """The drugs taken so far, each with its time and how it ended, in one line; empty if there is none."""
    told: dict[str, list[str]] = {}
    for episode in episodes:
        parts = [_period(episode, wording), wording.outcomes[episode.outcome], *_flags(episode, wording)]
        told.setdefault(episode.name, []).append(", ".join(parts))
    return "; ".join(f"{name} ({'; '.join(times)})" for name, times in told.items())


def _period(episode: Episode, wording: Wording) -> str:
    """When a drug was taken."""
    if episode.ongoing:
        return wording.phrase("since", start=episode.start) if episode.start else wording.phrase("no_start")
    start, end = episode.start or wording.phrase("no_start"), episode.end or wording.phrase("no_end")
    return wording.phrase("from_to", start=start, end=end)


def _flags(episode: Episode, wording: Wording) -> list[str]:
    """What goes wherever the failure goes (F12e)."""
    flags = (("early", episode.early), ("induction_incomplete", episode.induction_incomplete))
    return [wording.phrase(name) for name, holds in flags if holds]

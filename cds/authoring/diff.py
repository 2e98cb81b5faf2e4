"""`ranvier content diff A B`: what a reader would notice between two copies of the content (claims, figures, summaries, cards)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from cds.content import Content
from cds.evidence.model import Record


class Change(Struct, frozen=True):
    """One record that was added, removed or changed; `details` are lines to read."""

    kind: str
    id: str
    what: str
    details: tuple[str, ...] = ()


def content_diff(old: Content, new: Content) -> list[Change]:
    """All changes from `old` to `new`, by kind and id."""
    kinds: list[tuple[str, Mapping[str, Record], Mapping[str, Record]]] = [
        ("claim", old.evidence.claims, new.evidence.claims),
        ("source", old.evidence.sources, new.evidence.sources),
        ("summary", old.evidence.summaries, new.evidence.summaries),
        ("criterion", old.evidence.criteria, new.evidence.criteria),
        ("definition", old.evidence.definitions, new.evidence.definitions),
        ("drug", old.evidence.drugs, new.evidence.drugs),
        ("risk", old.evidence.risks, new.evidence.risks),
    ]
    changes = [change for kind, before, after in kinds for change in _records(kind, before, after)]
    return changes + list(_cards(old, new))


def _records(kind: str, before: Mapping[str, Record], after: Mapping[str, Record]) -> Iterator[Change]:
    for id in sorted(before.keys() | after.keys()):
        if id not in after:
            yield Change(kind, id, "removed")
        elif id not in before:
            yield Change(kind, id, "added", tuple(_fields({}, _plain(after[id]))))
        elif before[id] != after[id]:
            yield Change(kind, id, "changed", tuple(_fields(_plain(before[id]), _plain(after[id]))))


def _plain(record: Record) -> dict[str, Any]:
    return record.model_dump(mode="json", exclude={"id"}, exclude_defaults=True)


def _fields(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """One line a field that differs; lists of records with ids (figures) are compared record by record."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if _with_ids(old) and _with_ids(new):
            old_items, new_items = ({item["id"]: item for item in items or []} for items in (old, new))
            for id in sorted(old_items.keys() | new_items.keys()):
                if old_items.get(id) != new_items.get(id):
                    yield f"{name} {id}: {_short(old_items.get(id))} → {_short(new_items.get(id))}"
        else:
            yield f"{name}: {_short(old)} → {_short(new)}"


def _with_ids(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(item, dict) and "id" in item for item in value))


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "; ".join(f"{name} {inner}" for name, inner in value.items() if name != "id")
    return str(value)


def _cards(old: Content, new: Content) -> Iterator[Change]:
    before, after = ({name: card.source for name, card in content.deck.cards.items()} for content in (old, new))
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            what = "removed" if name not in after else "added" if name not in before else "changed"
            lines = difflib.unified_diff(before.get(name, "").splitlines(), after.get(name, "").splitlines(), lineterm="", n=0)
            yield Change("card", name, what, tuple(line for line in lines if not line.startswith(("---", "+++", "@@"))))

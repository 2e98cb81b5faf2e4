"""What triggered the call: the hook, and the MS treatments drafted in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cds.patient.context import Fact

CELL_ORDERS = ("transplant", "msc", "nsc", "esc", "ipsc", "vesicles", "carT", "treg", "tolerogenicDc", "tCellVaccination", "ebvTCells")
"""Kinds of ordered procedure that have a fact `order.<kind>`; a drug order has the kind `dmt`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One drafted order that concerns MS: a DMT (`kind` dmt, with `drug`) or a cell therapy."""

    kind: str
    name: str
    resource: str
    drug: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """The hook that was called and the MS orders selected or drafted in it."""

    hook: str
    orders: tuple[Order, ...] = ()


def order_facts(trigger: Trigger) -> dict[str, Fact]:
    """The `order.*` facts. What is not ordered is known not to be."""

    def fact(kind: str) -> Fact:
        orders = [order for order in trigger.orders if order.kind == kind]
        names = ", ".join(order.name for order in orders)
        return Fact(
            value=bool(orders),
            reason=f"Ordered: {names}." if orders else "Not ordered in this call.",
            resources=_unique(order.resource for order in orders),
            how="coded",
        )

    return {f"order.{kind}": fact(kind) for kind in ("dmt", *CELL_ORDERS)}


def _unique(resources: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(resources))

"""Checks of the prefetch templates a service publishes (contract 2.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from cds.probe import samples
from cds.probe.model import NotApplicable, Seen
from cds.probe.session import Session

TOKEN = re.compile(r"\{\{(.*?)\}\}")
USER_TOKENS = frozenset({"userPractitionerId", "userPractitionerRoleId", "userPatientId", "userRelatedPersonId"})
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(:in)?")

Judge = Callable[[dict[str, Any], str], str | None]


def each(judge: Judge) -> Callable[[Session], Iterator[Seen]]:
    """A check that judges every template by itself."""

    def check(session: Session) -> Iterator[Seen]:
        found = [(entry, key, text) for entry in session.entries for key, text in samples.templates(entry).items()]
        if not found:
            raise NotApplicable("no service publishes templates")
        for entry, key, text in found:
            fault = judge(entry, text)
            yield Seen(session.discovery, f"{entry.get('id')}, key {key}: {fault}" if fault else None)

    check.__doc__ = judge.__doc__
    return check


def form(_entry: dict[str, Any], text: str) -> str | None:
    """A relative FHIR read or search below one resource type."""
    fine = re.fullmatch(
        r"[A-Z][A-Za-z]+(/[^/?\s]+|\?\S+)|\{\{context\.userId\}\}",
        TOKEN.sub("{{context.userId}}" if text == "{{context.userId}}" else "x", text),
    )
    return None if fine else "must be `Type/{{…}}` or `Type?…`"


def tokens(entry: dict[str, Any], text: str) -> str | None:
    """Only tokens that the hook offers."""
    hook = samples.HOOKS.get(entry.get("hook", ""))
    for token in map(str.strip, TOKEN.findall(text)):
        if not plain(token) or token in USER_TOKENS:
            continue
        scope, _, name = token.partition(".")
        if scope != "context" or not re.fullmatch(r"[A-Za-z]\w*", name) or (hook and name not in hook.tokens):
            return f"the token {{{{{token}}}}} is not one that this hook offers"
    return "braces do not match" if "{{" in TOKEN.sub("", text) or "}}" in TOKEN.sub("", text) else None


def plain(token: str) -> bool:
    """Whether a token is a name, without FHIRPath."""
    return not re.search(r"[(%|+]", token)


def no_fhirpath(_entry: dict[str, Any], text: str) -> str | None:
    """No FHIRPath in tokens, which clients of 2.0 send literally."""
    return None if all(map(plain, TOKEN.findall(text))) else "FHIRPath in tokens is not part of CDS Hooks 2.0"


def parameters(text: str) -> list[tuple[str, str]]:
    """Names and values of a search."""
    return [(name, value) for part in text.partition("?")[2].split("&") if part for name, _, value in [part.partition("=")]]


def subset(_entry: dict[str, Any], text: str) -> str | None:
    """Only what every client's FHIR server is recommended to support."""
    for name, value in parameters(text):
        if not _PARAMETER.fullmatch(name) or name.startswith(("_include", "_revinclude", "_has", "_filter")) or "sort:" in name:
            return f"`{name}` is outside the recommended subset of FHIR queries"
        if re.match(r"(ne|sa|eb|ap)\d{4}", value):
            return f"the prefix of `{name}={value}` is outside the recommended subset"
    return None


def portable(_entry: dict[str, Any], text: str) -> str | None:
    """No `:in` and no `_maxresults`, which FHIR servers in use refuse."""
    wrong = [name for name, _ in parameters(text) if name.endswith(":in") or name == "_maxresults"]
    return f"`{wrong[0]}` is refused by FHIR servers in use" if wrong else None


def once(_entry: dict[str, Any], text: str) -> str | None:
    """No parameter twice and no second `?`."""
    names = [name for name, _ in parameters(text)]
    if len(set(names)) < len(names):
        return "a parameter occurs twice; the public sandbox folds it into one"
    return "a second `?`; the public sandbox cuts the query there" if text.count("?") > 1 else None


def keys(session: Session) -> Iterator[Seen]:
    """Keys are plain names."""
    found = [(entry, key) for entry in session.entries for key in samples.templates(entry)]
    if not found:
        raise NotApplicable("no service publishes templates")
    for entry, key in found:
        fine = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", key)
        yield Seen(session.discovery, None if fine else f"{entry.get('id')}: the key {key} should be letters, digits and '_'")

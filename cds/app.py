"""The service as an ASGI app: settings, content, and the rooms wired together."""

from __future__ import annotations

from fastapi import APIRouter
from msgspec.structs import replace
from starlette.types import ASGIApp

from cds import log
from cds.api.advice import core_of, policy_of
from cds.api.garbage import collect_seldom
from cds.api.openapi import as_yaml
from cds.api.runtime import Runtime, start
from cds.api.web import assemble, routes
from cds.content import Content, load_content
from cds.evidence_pages.pages import routes as evidence_pages
from cds.review.signoff import signed_cards
from cds.settings import Settings


def create_app(settings: Settings, content: Content | None = None) -> ASGIApp:
    """The finished app. A fault in settings, clients or content stops the start with a message that says what to change."""
    return assemble(*_rooms(settings, content))


def from_environment() -> ASGIApp:
    """The finished app for a server process, also one of many, that knows its environment only."""
    collect_seldom()
    return create_app(Settings())


def _rooms(settings: Settings, content: Content | None) -> tuple[Runtime, *tuple[APIRouter, ...]]:
    """What the app is made of: the runtime, the pages that cards link to, and the reviewer's workbench where it is on."""
    log.configure(settings.log_level)
    content = content or load_content(settings.content, settings.local_codes, settings.efficacy_list)
    signed = signed_cards(content, settings)
    policy = policy_of(settings, signed)
    runtime = start(settings, core_of(content, policy, settings.reading))
    pages = [evidence_pages(content, runtime.today, signed)]
    if settings.workbench:
        from cds.review.routes import routes as workbench  # only where it is on: it takes a tenth of a second to import

        pages.append(workbench(content, settings, replace(policy, signed=None), runtime.today))
    return runtime, *pages


if __name__ == "__main__":
    print(as_yaml(routes(*_rooms(Settings(), None)).openapi()), end="")

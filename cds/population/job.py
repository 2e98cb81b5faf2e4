"""What every worker is told, and the content that each process loads once."""

from __future__ import annotations

import gc
from datetime import date
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from cds.advice import Policy
from cds.content import Content, load_content

_POLICY = Policy()


class Site(Struct, frozen=True):
    """What a site brings or chooses: its reviewed copy of the content, its own codes, the one list of efficacy classes that it reads."""

    content: Path | None = None
    local_codes: Path | None = None
    efficacy_list: str | None = None


_SITE = Site()


class Job(Struct, frozen=True):
    """A run: what is asked of everybody, and where its files are.

    `types` are the resource types that the export answers, `shares` the number of groups that patients are dealt into. `narrow`:
    whether charts are gathered of suspects only. `runs`: the files that hold what was gathered.
    """

    as_of: date
    site: Site = _SITE
    policy: Policy = _POLICY
    folder: Path = Path()
    types: tuple[str, ...] = ()
    shares: int = 1
    narrow: bool = True
    runs: tuple[Path, ...] = ()


@lru_cache(1)
def content_of(site: Site) -> Content:
    """The content, loaded once in each process."""
    return load_content(site.content, site.local_codes, site.efficacy_list)


@lru_cache(1)
def prepare(site: Site) -> None:
    """Make a worker process ready. What is loaded stays: the garbage collector need not look at it again."""
    content_of(site)
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)

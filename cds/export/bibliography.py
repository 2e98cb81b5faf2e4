"""The sources for people who write papers: CSL-JSON (citation managers) and BibTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from cds.evidence.model import Source

_TYPES = {
    "guideline": "report",
    "label": "report",
    "regulator-notice": "report",
    "trial-registration": "webpage",
    "protocol": "article-journal",
}
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\^{}",
}


def csl_json(sources: Iterable[Source]) -> list[dict[str, Any]]:
    """CSL-JSON items, in the order of their ids. Fields that were not verified are absent."""
    return [_csl(source) for source in sorted(sources, key=lambda source: source.id)]


def _csl(source: Source) -> dict[str, Any]:
    ids = source.identifiers
    volume, issue, pages = _volume_pages(source.volume_pages)
    item = {
        "id": source.id,
        "type": "article-journal" if source.journal else _TYPES.get(source.kind, "document"),
        "title": source.title,
        "author": [{"literal": name} for name in _authors(source)],
        "container-title": source.journal,
        "issued": {"date-parts": [[source.year]]} if source.year else None,
        "volume": volume,
        "issue": issue,
        "page": pages,
        "DOI": ids.doi,
        "PMID": ids.pmid,
        "PMCID": ids.pmcid,
        "number": ", ".join(ids.registration),
        "URL": ids.link,
    }
    return {name: value for name, value in item.items() if value}


def bibtex(sources: Iterable[Source]) -> str:
    """One BibTeX entry a source, with its Ranvier id as the key."""
    return "\n\n".join(_entry(item) for item in csl_json(sources)) + "\n"


def _entry(item: dict[str, Any]) -> str:
    fields = {
        "title": f"{{{_escape(item['title'])}}}",
        "author": _escape(" and ".join(author["literal"] for author in item.get("author", ()))),
        "journal": _escape(item.get("container-title", "")),
        "year": str(item["issued"]["date-parts"][0][0]) if "issued" in item else "",
        "volume": item.get("volume", ""),
        "number": item.get("issue", ""),
        "pages": item.get("page", "").replace("-", "--"),
        "doi": item.get("DOI", ""),
        "pmid": item.get("PMID", ""),
        "note": _escape(item.get("number", "")),
        "url": item.get("URL", ""),
    }
    kind = "article" if item["type"] == "article-journal" else "misc"
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return f"@{kind}{{{item['id']},\n" + ",\n".join(lines) + "\n}"


def _escape(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _authors(source: Source) -> list[str]:
    names = [name.strip() for name in (source.authors or "").split(",")]
    return [re.sub(r"^et al\.?$", "others", name) for name in names if name]


def _volume_pages(text: str | None) -> tuple[str, str, str]:
    """`321(2):165-174` → volume, issue, pages; what does not fit stays in the pages."""
    match = re.fullmatch(r"(\d+)(?:\(([^)]+)\))?(?::(\S+))?", text or "")
    return (match[1], match[2] or "", match[3] or "") if match else ("", "", text or "")

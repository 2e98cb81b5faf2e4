"""JSON Schemas of the content records, for editors that complete and check YAML while it is written."""

from __future__ import annotations

from pathlib import Path

import orjson
from pydantic import BaseModel

from cds.deck.cards import FrontMatter
from cds.deck.wording import Wording
from cds.evidence.model import Biomarker, Claim, Criterion, Definition, Drug, FoundingDocument, Risk, Source, Studied, Summary
from cds.evidence.safety import SafetyRow, UnreadHazard

RECORDS: dict[str, type[BaseModel]] = {
    "source": Source,
    "claim": Claim,
    "criterion": Criterion,
    "summary": Summary,
    "drug": Drug,
    "definition": Definition,
    "risk": Risk,
    "biomarker": Biomarker,
    "founding-document": FoundingDocument,
    "safety": SafetyRow,
    "unread-hazard": UnreadHazard,
    "studied": Studied,
    "card": FrontMatter,
    "wording": Wording,
}


def schemas() -> dict[str, bytes]:
    """File name → JSON Schema; files that hold lists of records are covered by `anyOf`."""
    made = {}
    for name, model in RECORDS.items():
        schema = model.model_json_schema()
        definitions = schema.pop("$defs", {})
        either = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "anyOf": [schema, {"type": "array", "items": schema}],
            "$defs": definitions,
        }
        made[f"{name}.schema.json"] = orjson.dumps(either, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return made


def write_schemas(folder: Path) -> list[Path]:
    """Write them below `folder`; returns the files."""
    folder.mkdir(exist_ok=True)
    paths = []
    for name, schema in schemas().items():
        (folder / name).write_bytes(schema)
        paths.append(folder / name)
    return paths

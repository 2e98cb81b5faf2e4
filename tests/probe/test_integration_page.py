"""docs/integration.md says what the code does: addresses, prefetch, scopes, reasons, the gate, and every block that a site would copy."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
import yaml

from cds.api.clients import ClientsFile
from cds.protocol.card import NON_ADHERENCE, OVERRIDE_REASONS
from cds.protocol.discovery import PREFETCH, PREFETCH_BY_KEY
from cds.settings import PREFIX, Settings
from cds.vignette import load_patients
from cds.vignette.patients import SyntheticPatient
from tests.probe.live import ROOT, command

PAGE = (ROOT / "docs" / "integration.md").read_text(encoding="utf-8")
SYSTEMS = {
    "SNOMED CT": "sct",
    "ICD-10-CM": "icd10cm",
    "ICD-10": "icd10",
    "ICD-11": "icd11",
    "ICD-9-CM": "icd9cm",
}
PATIENTS = load_patients(ROOT / "seeds" / "patients")


def rows(name: str) -> list[list[str]]:
    """The cells of a table on the page, without its head."""
    lines = PAGE.partition(f"<!-- {name} -->")[2].partition(f"<!-- /{name} -->")[0].strip().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def discovery(service: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{service}/cds-services", trust_env=False).json()["services"]
    return found


def test_addresses_are_those_of_discovery(service: str) -> None:
    base = "https://cds.hospital.example/cds-services"
    assert rows("services") == [[entry["hook"], f"`{base}/{entry['id']}`"] for entry in discovery(service)]


def test_prefetch_is_that_of_every_service_in_discovery(service: str) -> None:
    sheet = {key.strip("`"): query.strip("`") for key, query, _ in rows("prefetch")}
    assert [entry["prefetch"] for entry in discovery(service)] == [sheet] * 5
    assert {key.strip("`") for key, _, note in rows("prefetch") if note == "required"} == {
        entry.key for entry in PREFETCH if entry.required
    }


def test_scopes_are_those_of_the_queries(service: str) -> None:
    for entry in discovery(service):
        kinds = {key: re.match("[A-Za-z]+", query)[0] for key, query in entry["prefetch"].items()}  # type: ignore[index]
        assert rows("scopes") == [[f"`{key}`", f"`patient/{kind}.read`", f"`patient/{kind}.rs`"] for key, kind in kinds.items()]
    assert not re.search(r"\.write|\.c?u?ds?`|\*\.\*|/\*\.", PAGE)


def test_reasons_are_those_on_the_cards() -> None:
    assert rows("reasons") == [[f"`{reason.code}`", reason.display] for reason in OVERRIDE_REASONS]
    assert NON_ADHERENCE in PAGE


def blocks(language: str) -> list[str]:
    """Every code block of a language, as it would be copied."""
    return [re.sub(f"(?m)^{indent}", "", text) for indent, text in re.findall(rf"(?ms)^( *)```{language}\n(.*?)^ *```$", PAGE)]


def test_every_clients_file_on_the_page_can_be_used() -> None:
    files = [ClientsFile.model_validate(yaml.load(text, Loader=yaml.CSafeLoader)) for text in blocks("yaml")]
    profiles = [client.profile for file in files for client in file.clients]
    assert profiles == ["sandbox", "epic", "oracle"]
    assert all(ours in PREFETCH_BY_KEY for file in files for client in file.clients for ours in client.aliases.values())


def test_every_setting_and_command_on_the_page_exists() -> None:
    named = set(re.findall(r"RANVIER_[A-Z_]+", PAGE))
    assert named <= {PREFIX + name.upper() for name in Settings.model_fields}
    assert len(named) > 10
    for words in {
        match[1] for match in re.finditer(r"\branvier ((?:call|probe|sandbox|serve|explain|feedback report|patients \w+))\b", PAGE)
    }:
        assert command(*words.split(), "--help").status == 0, words
    options = {match for text in blocks("sh") for match in re.findall(r"(?<= )--[a-z-]+", text) if "data-binary" not in match}
    help_texts = "".join(command(*words, "--help").out for words in (["call"], ["patients", "export"], ["sandbox"]))
    assert all(option in help_texts for option in options), options


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#:]+)\)", PAGE))))
def test_every_page_it_points_to_exists(path: str) -> None:
    assert (ROOT / "docs" / path).is_file()


def gate() -> list[tuple[str, str, bool]]:
    """System, code, and whether what lies below it counts."""
    return [(SYSTEMS[system], re.findall("`([^`]+)`", codes)[0], "and everything" in codes) for system, codes, _ in rows("gate")]


def included(name: str) -> set[tuple[str, str]]:
    known = yaml.load((ROOT / "seeds" / "terminology" / "diagnosis" / f"{name}.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    return {(code["system"], code["code"]) for code in known["codes"] if code["role"] == "include"}


def passes(system: str, code: str) -> bool:
    """Whether a coding passes the gate. What lies below a SNOMED CT concept is what the terminology knows of it."""
    below = included("ms-any")
    return any(
        system == gated
        and (
            code == top or (deep and (code.startswith(top) if system.startswith("icd") else top == "24700007" and (system, code) in below))
        )
        for gated, top, deep in gate()
    )


def test_the_gate_lets_every_code_through_that_means_ms() -> None:
    wanted = {(system, code) for system, code in included("ms-any") if system in SYSTEMS.values()} | {("sct", "445967004")}
    assert {coding for coding in wanted if not passes(*coding)} == set()
    assert not passes("icd10cm", "G36.0")
    assert not passes("sct", "25044007")


def codings(patient: SyntheticPatient, hook: str) -> list[tuple[str, str]]:
    systems = yaml.load((ROOT / "seeds" / "terminology" / "systems.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    uris = {system["uri"]: system["id"] for system in systems}
    entries = (patient.expand().request(hook)["prefetch"]["conditions"] or {}).get("entry", [])
    return [
        (uris[coding["system"]], coding["code"])
        for entry in entries
        for coding in entry["resource"].get("code", {}).get("coding", [])
        if coding.get("system") in uris
    ]


@pytest.mark.parametrize("hook", ["patient-view", "order-select"])
def test_the_gate_loses_no_synthetic_patient_who_gets_a_card(service: str, hook: str) -> None:
    url = f"{service}/cds-services/{ {'patient-view': 'ms-patient-view', 'order-select': 'ms-order-select'}[hook] }"
    lost, silent = [], []
    for patient in PATIENTS.values():
        told = patient.model_copy(update={"orders": ("natalizumab",)}) if hook == "order-select" else patient
        cards = httpx.post(url, json=told.expand().request(hook), trust_env=False, timeout=20).json()["cards"]
        gated = any(passes(*coding) for coding in codings(patient, hook))
        lost += [patient.id] if cards and not gated else []
        silent += [patient.id] if not gated else []
    assert lost == []
    assert {"no-ms", "ris"} <= set(silent)

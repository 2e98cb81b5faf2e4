"""What must hold of the evidence on disease-modifying therapy.

Ids resolve, numbers have sources, no sentence directs, no contraindication is lost.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from cds.evidence.model import Claim, Definition, Drug, Source

EVIDENCE = Path(__file__).parents[2] / "seeds" / "evidence"
COUNTS = {"sources": 169, "claims": 128, "drugs": 30, "definitions": 42, "unverified items left out": 39}

DIRECTIVE = re.compile(
    r"\b(should|must|ought|needs? to|has to|have to|recommends?|recommended|eligible|candidates?|safe|safely|failed patients?)\b"
    r"|\b(switch to|start treatment|stop treatment|discontinue|prescribe)\b|\b(best|superior|excellent|outstanding|cure[sd]?|guaranteed)\b",
    re.IGNORECASE,
)
REGULATORS = ("fda.gov", "ema.europa.eu", "dailymed.nlm.nih.gov", "nice.org.uk", "nhs.uk", "gov.uk", "cochrane.org")

UNCITABLE_CLAIMS = {"clm-019", "clm-035", "clm-061", "clm-067", "clm-077", "clm-094", "clm-095", "clm-099"}
"""Claims whose sources were read on pages without an identifier; they stay in the evidence base and off the cards."""

BOXED = {
    "drug-ga": ("anaphylaxis",),
    "drug-teriflunomide": ("hepatotoxicity", "embryofetal"),
    "drug-cladribine": ("malignancies", "teratogenicity"),
    "drug-natalizumab": ("progressive multifocal leukoencephalopathy",),
    "drug-natalizumab-biosim": ("progressive multifocal leukoencephalopathy",),
    "drug-alemtuzumab": ("autoimmunity", "infusion reactions", "stroke", "malignancies"),
    "drug-mitoxantrone": ("cardiotoxicity", "neutrophils below 1,500", "intrathecal"),
}
HEART = ("myocardial infarction", "unstable angina", "stroke", "TIA", "heart failure", "Mobitz II", "third-degree", "sick sinus")
CONTRAINDICATIONS = {
    "drug-ifnb1a-im": ("interferon beta", "component"),
    "drug-ifnb1a-sc": ("interferon beta", "component"),
    "drug-pegifnb1a": ("interferon beta",),
    "drug-ifnb1b": ("interferon beta", "component"),
    "drug-ga": ("glatiramer", "mannitol"),
    "drug-teriflunomide": ("severe hepatic impairment", "pregnancy", "contraception", "leflunomide", "dialysis"),
    "drug-dmf": ("hypersensitivity",),
    "drug-drf": ("diroximel", "hypersensitivity to dimethyl", "dimethyl fumarate at the same time"),
    "drug-fingolimod": (*HEART, "QTc 500", "class Ia", "class III antiarrhythmic", "hypersensitivity"),
    "drug-siponimod": (*HEART, "CYP2C9*3/*3"),
    "drug-ozanimod": ("myocardial infarction", "Mobitz II", "third-degree", "sick sinus", "sinoatrial", "sleep apnoea", "MAO inhibitor"),
    "drug-ponesimod": (
        "immunodeficiency",
        "cardiovascular",
        "AV block",
        "severe infection",
        "malignancy",
        "liver",
        "pregnancy",
        "contraception",
    ),
    "drug-cladribine": ("malignancy", "pregnancy", "contraception", "HIV", "chronic infection", "hypersensitivity", "breastfeeding"),
    "drug-ocrelizumab-iv": ("hepatitis B", "life-threatening infusion reaction"),
    "drug-ocrelizumab-sc": ("hepatitis B",),
    "drug-ofatumumab": ("hepatitis B", "immunocompromised", "severe active infection", "malignancy", "hypersensitivity"),
    "drug-ublituximab": ("hepatitis B", "immunocompromised", "severe active infection", "malignancy", "hypersensitivity"),
    "drug-alemtuzumab": ("hypersensitivity", "heart", "circulation", "bleeding", "autoimmune"),
    "drug-mitoxantrone": ("ejection fraction below 50%",),
}


def read(path: Path) -> Any:
    """The content of one YAML file."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


@cache
def all_sources() -> dict[str, Source]:
    """Every source of the evidence base by id: some claims and records point across areas."""
    return {path.stem: Source.model_validate(read(path)) for path in sorted(EVIDENCE.glob("sources/*/*.yaml"))}


def own_sources() -> list[Source]:
    """The sources on disease-modifying therapy; the NMOSD case report belongs to the file of its claim."""
    return [all_sources()[path.stem] for path in sorted((EVIDENCE / "sources" / "dmt").glob("*.yaml")) if "nmosd" not in path.stem]


def own_claims() -> list[Claim]:
    """The claims on disease-modifying therapy, but for those on NMOSD."""
    paths = [path for path in sorted((EVIDENCE / "claims" / "dmt").glob("*.yaml")) if path.stem != "nmosd"]
    return [Claim.model_validate(row) for path in paths for row in read(path)]


def drugs() -> list[Drug]:
    """All drugs."""
    return [Drug.model_validate(read(path)) for path in sorted((EVIDENCE / "drugs").glob("*.yaml"))]


def definitions() -> list[Definition]:
    """The definitions of the field."""
    return [Definition.model_validate(read(path)) for path in sorted((EVIDENCE / "definitions" / "field").glob("*.yaml"))]


def left_out() -> list[dict[str, str]]:
    """What is not stated, with its reason."""
    rows: list[dict[str, str]] = read(EVIDENCE / "left-out-dmt.yaml")
    return rows


def numbers(text: str) -> set[float]:
    """The numbers printed in a text; a percentage and its number count as the same, `1,114` as 1114."""
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    return {float(token) for token in re.findall(r"\d+(?:\.\d+)?", plain)}


def printed(source: Source) -> set[float]:
    """Every number a claim may take from a source."""
    texts = [source.title, str(source.year or ""), str(source.n if source.n is not None else "")]
    texts += [part or "" for part in (source.population, source.intervention, source.comparator, source.follow_up)]
    for figure in (*source.figures, *source.harms):
        texts += [part or "" for part in (figure.measure, figure.contrast, figure.value, figure.ci, figure.p, figure.timepoint)]
    for rule in source.eligibility:
        texts += [rule.criterion, str(rule.value), rule.note or ""]
    return numbers(" ".join(texts))


def phrases(drug: Drug, field: str) -> str:
    """The phrases of one field of a drug as one text, empty if the field is not stated."""
    stated = getattr(drug, field)
    if stated is None:
        return ""
    return stated.value if isinstance(stated.value, str) else "; ".join(stated.value)


def drug_sources(drug: Drug) -> set[str]:
    """Every source a drug record names."""
    found: set[str] = set()
    for name in Drug.model_fields:
        stated = getattr(drug, name)
        for part in stated if isinstance(stated, tuple) else (stated,):
            found.update(getattr(part, "sources", ()))
    return found


def test_the_counts_are_the_expected_ones() -> None:
    """A file that is lost or left half-written is noticed."""
    ids = [row["id"] for row in left_out() if row["kind"] == "unverified"]
    counted = {"sources": len(own_sources()), "claims": len(own_claims()), "drugs": len(drugs()), "definitions": len(definitions())}
    assert counted | {"unverified items left out": len(ids)} == COUNTS
    for records in (own_sources(), own_claims(), drugs(), definitions()):
        assert len({record.id for record in records}) == len(records)


@pytest.mark.parametrize("claim", own_claims(), ids=lambda claim: claim.id)
def test_a_claim_is_sourced_short_and_does_not_direct(claim: Claim) -> None:
    """Design promises 2 and 3: a source behind every sentence, and no sentence that directs."""
    assert claim.area == "dmt"
    assert claim.sources
    assert set(claim.sources) <= set(all_sources())
    assert len(claim.sentence.split()) <= 40
    assert claim.brief is not None
    assert len(claim.brief) <= 130
    for text in (claim.sentence, claim.brief, claim.certainty_reason, claim.applies_to or "", *claim.caveats):
        found = DIRECTIVE.search(text)
        assert found is None, f"{found.group(0)!r} in: {text}"


@pytest.mark.parametrize("claim", own_claims(), ids=lambda claim: claim.id)
def test_every_number_of_a_claim_stands_in_its_sources(claim: Claim) -> None:
    """Numbers are data: sentence and brief print nothing that its sources do not hold."""
    known: set[float] = set().union(*(printed(all_sources()[name]) for name in claim.sources))
    for text in (claim.sentence, claim.brief or ""):
        assert not numbers(text) - known, text


def test_claims_without_a_citable_source_are_the_known_ones() -> None:
    """A claim that loses its identifier, or gains one, is noticed."""
    uncitable = {c.id for c in own_claims() if not any(all_sources()[name].identifiers.citable for name in c.sources)}
    assert uncitable == UNCITABLE_CLAIMS


@pytest.mark.parametrize("source", own_sources(), ids=lambda source: source.id)
def test_a_source_says_what_was_read_and_where(source: Source) -> None:
    """A short citation, unique figure ids, well-formed identifiers, the place of reading, and only verified fields."""
    assert len(source.citation) <= 40
    assert source.read_at
    assert source.limitations
    figures = [figure.id for figure in (*source.figures, *source.harms)]
    assert len(figures) == len(set(figures))
    assert source.same_as is None or source.same_as in all_sources()
    identifiers = source.identifiers
    assert identifiers.doi is None or re.fullmatch(r"10\.\d{4,9}/\S+", identifiers.doi)
    assert identifiers.pmid is None or identifiers.pmid.isdigit()
    assert identifiers.pmcid is None or re.fullmatch(r"PMC\d+", identifiers.pmcid)
    assert all(re.fullmatch(r"NCT\d{8}|EudraCT \S+", number) for number in identifiers.registration)
    if identifiers.regulator is not None:
        address = urlsplit(identifiers.regulator)
        assert address.scheme == "https"
        assert any(address.hostname == host or (address.hostname or "").endswith("." + host) for host in REGULATORS)
    present = {name for name in Source.model_fields if getattr(source, name) not in (None, ())}
    present |= {name for name in ("doi", "pmid", "pmcid", "registration", "regulator") if getattr(identifiers, name)}
    own = {"id", "citation", "title", "identifiers", "kind", "limitations", "correction", "verified", "read_at", "same_as"}
    assert present - own <= set(source.verified)


@pytest.mark.parametrize("drug", drugs(), ids=lambda drug: drug.id)
def test_a_drug_states_or_names_as_not_read(drug: Drug) -> None:
    """Silence is never read as absence: boxed warning, contraindications and pregnancy are stated or named as not read."""
    for field, words in (("boxed_warning", "boxed warning"), ("contraindications", "contraindications"), ("pregnancy", "pregnancy")):
        named = any(entry.startswith(words) for entry in drug.not_read)
        assert getattr(drug, field) is not None or named, field
    assert drug_sources(drug) <= set(all_sources())
    for text in (phrases(drug, name) for name in ("boxed_warning", "contraindications", "cautions", "pregnancy")):
        assert not re.search(r"not verified|not proof of absence", text)


@pytest.mark.parametrize("drug", drugs(), ids=lambda drug: drug.id)
def test_no_contraindication_or_boxed_warning_is_lost(drug: Drug) -> None:
    """The lists that the safety matrix rests on (clinical-rules section 4), phrase by phrase, and nothing where nothing was read."""
    for field, expected in (("boxed_warning", BOXED), ("contraindications", CONTRAINDICATIONS)):
        text = phrases(drug, field)
        assert bool(text) == (drug.id in expected), f"{field}: {text}"
        assert not [phrase for phrase in expected.get(drug.id, ()) if phrase not in text]
        stated = getattr(drug, field)
        assert stated is None or (isinstance(stated.value, tuple) and stated.sources)


@pytest.mark.parametrize("definition", definitions(), ids=lambda definition: definition.id)
def test_a_definition_of_the_field_names_its_sources(definition: Definition) -> None:
    """A definition of the field rests on sources, not on a convention of the house."""
    assert definition.basis == "sources"
    assert definition.sources
    assert set(definition.sources) <= set(all_sources())
    assert definition.thresholds


def test_unverified_figures_stay_out() -> None:
    """What could not be confirmed is in no record: spot checks of the left-out list."""
    risk = {figure.id: figure for figure in all_sources()["src-pml-table"].figures}
    assert risk["pml-prior-immunosuppressant"].value == "about 12 / 13"
    strata = next(definition for definition in definitions() if definition.id == "def-pml-risk").thresholds
    assert set(strata["jcv_positive_prior_immunosuppressant"]) == {"months_25_to_48", "months_49_to_72"}
    assert not all_sources()["src-radiance"].figures
    assert not any("peg" in figure.measure for figure in all_sources()["src-hercules"].figures)
    records = EVIDENCE.glob("**/*.yaml")
    assert not [path for path in records if path.name != "left-out-dmt.yaml" and "Cenrifki" in path.read_text(encoding="utf-8")]


def test_what_is_left_out_has_a_reason() -> None:
    """Left-out items are listed once, with a kind and a reason."""
    rows = left_out()
    assert all(set(row) == {"id", "kind", "reason"} and row["reason"] for row in rows)
    assert len({(row["id"], row["kind"]) for row in rows}) == len(rows)


def test_the_erratum_keeps_its_claim_off_the_cards() -> None:
    """The McDonald paper has an erratum that nobody has read yet."""
    correction = all_sources()["src-mcdonald2024"].correction
    assert correction is not None
    assert correction.cleared is None

"""Values that no FHIR resource should hold, and that some do; and words that the readers of free text look at."""

from __future__ import annotations

from random import Random
from typing import Any

DATES = (
    "", " ", "0000-00-00", "0001", "0001-01-01", "9999", "9999-12", "9999-12-31", "10000-01-01", "2026-02-30", "2026-13", "2026-00-10",
    "2023-02-29", "-2026", "20261120", "11/20/2026", "20.11.2026", "2026-11-20T", "2026-11-20T25:61:00Z", "2026-11-20T23:59:60Z",
    "2026-11-20T10:00:00+99:00", "2026-11-20T10:00:00.123456789123Z", "2026-11-20T00:00:00+14:00", "2026-11-20 10:00", "2026-11-20T10:00",
    "2027-05-01", "2100-01", "1850", "2O26-11-20", "２０２６-11-20", "٢٠٢٦-١١-٢٠", "2026‐11‐20", "2026-11-20\n", "unknown", "Spring 2026",
)  # fmt: skip
NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 3.5, -0.0, 1e-300, 1e300, 1.7976931348623157e308, 2**53, 2**63, 2**64 - 1, -(2**63), 10**30, 0.1 + 0.2, 99999999, True, "3.5",
    "3,5", "1e5", "²", "½", "٣.٥", "３.５", "Infinity", "NaN", "<5", ">1:200", "0x10", "1_000", "9" * 400, "9" * 5000, "-", "+", ".", "..",
)  # fmt: skip
TEXTS = (
    "", " ", "\u0000", "\u0000EDSS 4.0", "\u200b", "\ufeffMS", "\u202emultiple sclerosis", "e\u0301dss 4", "İ relapse ı ſ ß ﬁ", "😀" * 50,
    "\ufffd\uffff", "MS\u00a0relapse\u2028on 2026-05", "{{ 7 * 7 }} {% raw %}", "<script>alert(1)</script>", "](javascript:x)", "| a | b |",
    "%s %d {0} {name}", "../../etc/passwd", "'; DROP TABLE x; --", "Patient/../..", "#", "null", "[object Object]", "a" * 20_000,
    "EDSS " * 4_000, "no new " * 6_000, "(" * 5_000, "new T2 lesions and " * 3_000, "1" * 6_000, "relapse " + " " * 20_000 + "2026",
    "EDSS: 3,5 / EDSS = 10.5; EDSS -2; EDSS 99999999999999999999999", "²³ new T2 lesions", "½ enhancing lesion", "EDSS ٤.٥", "EDSS ４.５",
    "1e400 new T2 lesions", "between 2 and and 3 new lesions", "3-2 new T2 lesions, 0-0 Gd", "JCV index: <", "JCV index 1.2.3", "< > <= >=",
    "relapse on 31 February 2026", "relapses in 0000, 13/13/2026, 2026-99 and May 99999", "stopped because", "for", "no", "not", "due to",
    "Ocrelizumab natalizumab rituximab alemtuzumab stopped for relapse and JCV and wish", "ocrelizumab -not given- not ms, refuted?",
)  # fmt: skip
IDS = (
    "",
    " ",
    "a b",
    "x" * 65,
    "x" * 600,
    "../x",
    "ä",
    "#",
    "#me",
    "urn:uuid:",
    "Patient/",
    "https://",
    "https://[::1",
    "0",
    "\u0000",
    "a/b/c/d",
)
CODES = (
    "active", "completed", "stopped", "entered-in-error", "refuted", "confirmed", "unknown", "draft", "final", "Active", "on-hold",
    "24700007", "426373005", "G35", "G35.A", "g35", "G35.", "340", "192929006", "273554001", "82810-3", "24590-2", "77386006",
)  # fmt: skip
SYSTEMS = (
    "http://snomed.info/sct", "https://snomed.info/sct", "http://snomed.info/sct/731000124108", "urn:oid:2.16.840.1.113883.6.96", "SNOMED",
    "http://hl7.org/fhir/sid/icd-10-cm", "http://loinc.org", "http://www.nlm.nih.gov/research/umls/rxnorm", "http://www.whocc.no/atc", "",
)  # fmt: skip


def deep(random: Random) -> Any:
    """Lists or objects in each other, from a few levels to more than any reader goes down."""
    value: Any = random.choice((None, "x", 1))
    name = random.choice(("extension", "contained", "item", "entry", "resource", "text"))
    as_list = random.random() < 0.5
    for _ in range(random.choice((3, 20, 90, 300))):
        value = [value] if as_list else {name: value}
    return value


def value(random: Random) -> Any:
    """Anything that JSON can say."""
    kind = random.randrange(9)
    if kind == 0:
        return random.choice((None, True, False, [], {}, [[]], [None], {"": None}, [{}], {"value": {}}))
    if kind == 1:
        return deep(random)
    return random.choice((DATES, NUMBERS, TEXTS, IDS, CODES, SYSTEMS, TEXTS, NUMBERS)[kind - 2])

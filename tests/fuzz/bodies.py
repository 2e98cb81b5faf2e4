"""One number, one body: a call for a patient of the tables, told in another FHIR version, and then broken here and there.

The same number gives the same bytes for the same patients. What is broken is chosen with the structure in mind: a value of the right
name and the wrong kind goes further into a reader than noise does.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from cds.protocol.discovery import SERVICES
from cds.vignette import expand
from tests.fuzz import odd
from tests.fuzz.versions import VERSIONS
from tests.spec.tables import tables

Body = dict[str, Any]
Place = tuple[Any, Any]
"""A list or an object, and the index or the name of one of its members."""

HOOKS = tuple(service.hook for service in SERVICES)
MOST_CHANGES = 12


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent: the hook whose service is called, and the bytes of the body."""

    hook: str
    body: bytes


@cache
def patients() -> tuple[Any, ...]:
    """The patients of every spec table: one for each behaviour, so that every reader has something to read."""
    return tuple(case for _, table in tables() for case in table.cases)


def real(folder: Path | None) -> tuple[Body, ...]:
    """Calls, prefetch objects and Bundles of other people in a folder, each as a call. What is no JSON object is left out."""
    found = (_object(path.read_bytes()) for path in sorted(folder.rglob("*.json"))) if folder else ()
    return tuple(_as_call(document) for document in found if document)


def _object(raw: bytes) -> Body:
    try:
        document = json.loads(raw)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _as_call(document: Body) -> Body:
    if "hook" in document and isinstance(document.get("context"), dict):
        return document
    prefetch = {"bundle": document} if "resourceType" in document else document
    found = [resource["id"] for resource in resources(prefetch) if resource.get("resourceType") == "Patient" and "id" in resource]
    context = {"userId": "Practitioner/1", "patientId": found[0] if found else "p"}
    return {"hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "context": context, "prefetch": prefetch}


def call(seed: int, others: Sequence[Body] = ()) -> Call:
    """The call of this number. `others` are taken as well as the patients of the tables."""
    random = Random(seed)
    if others and random.random() < 0.15:
        body = copy.deepcopy(random.choice(others))
    else:
        case = random.choice(patients())
        body = expand(case.lines, case.as_of).request(case.hook if random.random() < 0.7 else random.choice(HOOKS))
    try:
        text = _changed(body, random)
    except RecursionError:
        text = "[" * 5_000
    hook = body.get("hook")
    raw = text.encode("utf-8", "surrogatepass")
    return Call(hook if hook in HOOKS else "patient-view", _broken(raw, random) if random.random() < 0.08 else raw)


def _changed(body: Body, random: Random) -> str:
    """The body in another version or in R4, with a few changes, as JSON. Raises `RecursionError` where it became too deep to write."""
    if version := random.choice((*VERSIONS, None)):
        for resource in resources(body):
            if random.random() < 0.8:
                version(resource)
    for _ in range(min(MOST_CHANGES, int(random.expovariate(0.4)))):
        random.choice(CHANGES)(body, random)
    return json.dumps(body, ensure_ascii=random.random() < 0.5)


def resources(value: Any) -> Iterator[Body]:
    """Every resource inside a body, contained ones and whole Bundles too."""
    for parent, name in places(value):
        item = parent[name]
        if isinstance(item, dict) and isinstance(item.get("resourceType"), str):
            yield item


def places(value: Any) -> Iterator[Place]:
    """Every member of every object and list inside a value."""
    stack = [value]
    while stack:
        parent = stack.pop()
        for name in list(parent) if isinstance(parent, dict) else range(len(parent)):
            yield parent, name
            if isinstance(parent[name], dict | list):
                stack.append(parent[name])


def _somewhere(body: Body, random: Random, kinds: type | tuple[type, ...] = object) -> Place | None:
    found = [(parent, name) for parent, name in places(body.get("prefetch")) if isinstance(parent[name], kinds)] if _sent(body) else []
    return random.choice(found) if found else None


def _sent(body: Body) -> bool:
    return isinstance(body.get("prefetch"), dict)


def _resource(body: Body, random: Random) -> Body | None:
    found = [resource for resource in resources(body.get("prefetch")) if resource["resourceType"] != "Bundle"] if _sent(body) else []
    return random.choice(found) if found else None


def _entries(body: Body) -> list[list[Any]]:
    return (
        [parent[name] for parent, name in places(body["prefetch"]) if name == "entry" and isinstance(parent[name], list)]
        if _sent(body)
        else []
    )


def other_value(body: Body, random: Random) -> None:
    """Anything in the place of anything."""
    if place := _somewhere(body, random):
        place[0][place[1]] = odd.value(random)


def other_word(body: Body, random: Random) -> None:
    """Odd text where text stands: a date for a date, a code for a code, words for words."""
    if place := _somewhere(body, random, str):
        parent, name = place
        word = str(name).lower()
        kinds = {
            odd.DATES: ("date", "start", "end", "issued", "authoredon", "recorded", "performed"),
            odd.SYSTEMS: ("system",),
            odd.CODES: ("code", "status", "gender", "intent"),
            odd.IDS: ("id", "reference", "fullurl"),
        }
        parent[name] = random.choice(next((values for values, names in kinds.items() if any(part in word for part in names)), odd.TEXTS))


def other_number(body: Body, random: Random) -> None:
    """An odd number where a number stands."""
    if place := _somewhere(body, random, (int, float)):
        place[0][place[1]] = random.choice(odd.NUMBERS)


def more_words(body: Body, random: Random) -> None:
    """Odd words added to a text, or in the place where readers of free text look."""
    if place := _somewhere(body, random, str):
        place[0][place[1]] += random.choice((" ", ". ", "\n", "")) + random.choice(odd.TEXTS)
    if resource := _resource(body, random):
        name = random.choice(("conclusion", "valueString", "note", "text", "statusReason", "code"))
        text = random.choice(odd.TEXTS)
        resource[name] = [{"text": text}] if name == "note" else {"text": text} if name in ("text", "statusReason", "code") else text


def wrapped(body: Body, random: Random) -> None:
    """One object where a list belongs, or a list where one object does."""
    if place := _somewhere(body, random):
        parent, name = place
        parent[name] = parent[name][0] if isinstance(parent[name], list) and parent[name] else [parent[name]] * random.randrange(1, 4)


def left_out(body: Body, random: Random) -> None:
    """An element that is not there."""
    if place := _somewhere(body, random):
        del place[0][place[1]]


def renamed(body: Body, random: Random) -> None:
    """An element under another name: another case, a primitive's shadow, an unknown one."""
    if (place := _somewhere(body, random)) and isinstance(place[0], dict):
        parent, name = place
        new = random.choice(
            (name.upper(), f"_{name}", f"{name}s", name.capitalize(), "value" + name.capitalize(), "", "ä", "modifierExtension")
        )
        parent[new] = parent.pop(name)


def swapped(body: Body, random: Random) -> None:
    """What stands in two places, exchanged."""
    one, other = _somewhere(body, random), _somewhere(body, random)
    if one and other:
        first, second = copy.deepcopy(one[0][one[1]]), copy.deepcopy(other[0][other[1]])
        one[0][one[1]] = second
        if other[1] in other[0] if isinstance(other[0], dict) else other[1] < len(other[0]):
            other[0][other[1]] = first


def same_id(body: Body, random: Random) -> None:
    """Two resources with one id, of one age or of two."""
    one, other = _resource(body, random), _resource(body, random)
    if one and other:
        one["id"] = other.get("id", "x")
        one["meta"] = {"lastUpdated": random.choice(odd.DATES), "versionId": random.choice(("1", "2", "²", 3, None, "9" * 30))}
        if random.random() < 0.5:
            one["resourceType"] = other["resourceType"]


def sent_again(body: Body, random: Random) -> None:
    """An entry twice, as it is or changed."""
    if (entries := [listed for listed in _entries(body) if listed]) and (listed := random.choice(entries)):
        again = copy.deepcopy(random.choice(listed))
        if isinstance(again, dict) and isinstance(again.get("resource"), dict) and random.random() < 0.5:
            again["resource"][random.choice(("status", "clinicalStatus", "subject", "code"))] = odd.value(random)
        random.choice(entries).insert(random.randrange(len(listed) + 1), again)


def circle(body: Body, random: Random) -> None:
    """References that lead back to where they come from, inside a resource and between two."""
    one, other = _resource(body, random), _resource(body, random)
    if not one or not other:
        return
    inside: Body = {"resourceType": "Medication", "id": "m", "ingredient": [{"itemReference": {"reference": "#m"}}]}
    inside["contained"] = [copy.deepcopy(inside), {"resourceType": one["resourceType"], "id": "me"}]
    here, there = (f"{resource['resourceType']}/{resource.get('id')}" for resource in (one, other))
    one["contained"] = [inside, inside, copy.deepcopy({name: item for name, item in one.items() if name != "contained"})]
    one.pop("medicationCodeableConcept", None)
    one["medicationReference"] = {"reference": random.choice(("#m", "#", "#me", here, there))}
    for name in ("reasonReference", "partOf", "hasMember", "derivedFrom", "result", "basedOn"):
        one[name], other[name] = [{"reference": there}, {"reference": here}, {"reference": "#"}], [{"reference": here}, None]


def nested(body: Body, random: Random) -> None:
    """Bundles in Bundles."""
    if _sent(body) and body["prefetch"]:
        key = random.choice(list(body["prefetch"]))
        value = body["prefetch"][key]
        for _ in range(random.choice((1, 2, 10, 200))):
            value = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": value, "fullUrl": random.choice(odd.IDS)}]}
        body["prefetch"][key] = value


def another_answer(body: Body, random: Random) -> None:
    """A key that was not answered, answered by half, or with something else."""
    if _sent(body) and body["prefetch"]:
        key = random.choice(list(body["prefetch"]))
        answers: tuple[Any, ...] = (
            None,
            {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]},
            {"resourceType": "Bundle", "type": "searchset", "total": random.choice(odd.NUMBERS)},
            {"response": {"status": random.choice(("200 OK", 404, None))}, "resource": body["prefetch"][key]},
            odd.value(random),
        )
        body["prefetch"][key] = random.choice(answers)
        if random.random() < 0.3 and isinstance(value := body["prefetch"][key], dict):
            value["link"] = random.choice(([{"relation": "next", "url": "x"}], {"relation": "next"}, [None], "next"))


def another_call(body: Body, random: Random) -> None:
    """Something else in the envelope or in the context."""
    target = body if random.random() < 0.3 or not isinstance(body.get("context"), dict) else body["context"]
    if target:
        target[random.choice(list(target))] = odd.value(random)


def another_patient(body: Body, random: Random) -> None:
    """A resource of somebody else, or of nobody who can be told."""
    if resource := _resource(body, random):
        name = "patient" if "patient" in resource else "subject"
        references = ("Patient/other", "patient-1", "Patient/patient-1/_history/1", "urn:uuid:1", "#p", "", None, 5, "Group/1", "Patient/")
        resource[name] = random.choice(({"reference": random.choice(references)}, {"display": "x"}, {}, None, "Patient/patient-1", []))


CHANGES: tuple[Callable[[Body, Random], None], ...] = (
    other_value, other_value, other_word, other_word, other_word, other_number, other_number, more_words, more_words, wrapped, left_out,
    renamed, swapped, same_id, sent_again, circle, nested, another_answer, another_call, another_patient,
)  # fmt: skip


def _broken(raw: bytes, random: Random) -> bytes:
    """The bytes themselves: cut off, turned over, names twice, half characters, what JSON does not know."""
    at = random.randrange(len(raw))
    return random.choice(
        (
            raw[:at],
            raw[:at] + bytes(random.randrange(256) for _ in range(random.randrange(1, 5))) + raw[at + 1 :],
            b"\xef\xbb\xbf" + raw,
            raw.replace(b'"status"', b'"status": "stopped", "status"'),
            raw.replace(b'"id"', b'"\\u0069d"'),
            raw.replace(b'"text": "', b'"text": "\\ud800'),
            raw.replace(b'"text": "', b'"text": "\\udc00\\ud83d'),
            raw.replace(b'"display": "', b'"display": "\\u0000'),
            raw.replace(b'"value": ', b'"value": 1e', 1),
            raw.replace(b'"value": ', b'"value": -', 1),
            raw + raw,
        )
    )

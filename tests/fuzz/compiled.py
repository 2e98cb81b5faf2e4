"""Whether the fast way of making fhir.resources objects ever says more than the library: one broken resource after another.

`python -m tests.fuzz.compiled` looks at 150,000, of which more than 100,000 are still of a type that is read. The same number gives the
same resource.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections import Counter
from contextlib import suppress
from functools import cache
from random import Random
from typing import Any

from pydantic import ValidationError

from cds.fhir.compiled import by_library, validator
from cds.fhir.resources import BEARS_ON_FACTS
from cds.vignette import expand
from tests.fuzz.bodies import CHANGES, patients, resources

MOST_CHANGES = 3


@cache
def whole() -> tuple[dict[str, Any], ...]:
    """Every different resource of the patients of the tables, without contained ones, as `cds.fhir.resources.validate` takes it."""
    sent = (expand(case.lines, case.as_of).prefetch for case in patients())
    found = (resource for prefetch in sent for resource in resources(prefetch) if resource["resourceType"] in BEARS_ON_FACTS)
    alone = ({name: value for name, value in resource.items() if name != "contained"} for resource in found)
    return tuple({repr(resource): resource for resource in alone}.values())


def broken(seed: int) -> dict[str, Any]:
    """The resource of this number, changed here and there; now and then it is left whole."""
    random = Random(seed)
    body: dict[str, Any] = {"prefetch": {"resource": copy.deepcopy(random.choice(whole()))}}
    with suppress(RecursionError):  # what is nested too deeply to be changed once more stays as it is
        for _ in range(random.randrange(MOST_CHANGES + 1)):
            random.choice(CHANGES)(body, random)
    found = body.get("prefetch")
    resource = found.get("resource") if isinstance(found, dict) else None
    return resource if isinstance(resource, dict) else {}


def difference(raw: dict[str, Any]) -> str:
    """`same`, `refused` (the library decides), or how the fast way differs where it accepts."""
    type_ = raw.get("resourceType")
    if not isinstance(type_, str) or type_ not in BEARS_ON_FACTS:
        return "not read"
    try:
        made = validator(type_).validate_python({name: value for name, value in raw.items() if name != "resourceType"})
    except (ValidationError, RecursionError):
        return "refused"
    try:
        expected = by_library(type_, raw)
    except (ValidationError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        return f"the library refuses it: {type(error).__name__}"
    equal = made == expected and made.__pydantic_fields_set__ == expected.__pydantic_fields_set__
    return "same" if equal and made.model_dump_json() == expected.model_dump_json() else "another object"


def main() -> int:
    """Count the outcomes. Returns 1 if there is a difference."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.compiled", description=__doc__)
    parser.add_argument("--count", type=int, default=150_000)
    parser.add_argument("--seed", type=int, default=0, help="the number of the first resource")
    asked = parser.parse_args()
    counted: Counter[str] = Counter()
    for seed in range(asked.seed, asked.seed + asked.count):
        outcome = difference(broken(seed))
        counted[outcome] += 1
        if outcome not in AGREED:
            print(f"seed {seed}: {outcome}", flush=True)
    print(", ".join(f"{outcome}: {count:,}" for outcome, count in counted.most_common()))
    return int(not counted.keys() <= AGREED)


AGREED = {"same", "refused", "not read"}
"""Outcomes that are no difference."""


if __name__ == "__main__":
    sys.exit(main())

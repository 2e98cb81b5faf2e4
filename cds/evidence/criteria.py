"""Three-valued criteria: conditions written in YAML over facts, compiled once to functions.

A condition is one of

- `{fact: NAME, is: WORD}`, `{fact: NAME, in: [WORD, …]}` for words,
- `{fact: NAME, is: true}` for flags,
- `{fact: NAME, atLeast|moreThan|atMost|lessThan: NUMBER}` for numbers,
- `{fact: NAME, is: unknown}` for each kind, true where nothing is known,
- `{all: [CONDITION, …]}`, `{any: [CONDITION, …]}`, `{not: CONDITION}`,
- `{undecided: CONDITION}`: unknown where the condition holds or may hold, otherwise false. It keeps a limit open for a clinician.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Protocol

from msgspec import Struct

from cds.evidence.model import Criterion
from cds.patient.context import Fact
from cds.patient.facts import FactKind
from cds.three_valued import Bounds, Truth, all_of, any_of, negate

Verdict = Literal["met", "notMet", "unknown"]
VERDICTS: Mapping[Truth, Verdict] = {True: "met", False: "notMet", None: "unknown"}
"""A truth as the verdict on a criterion."""
Facts = Mapping[str, Fact]

_NUMBER_TESTS: dict[str, Callable[[Bounds, float], Truth]] = {
    "atLeast": Bounds.__ge__,
    "moreThan": Bounds.__gt__,
    "atMost": Bounds.__le__,
    "lessThan": Bounds.__lt__,
}


class CriterionError(ValueError):
    """A condition that cannot be compiled; the message names the criterion and what to change."""


class Ground(Protocol):
    """What an outcome rests on: a fact, or how a drug stands."""

    @property
    def reason(self) -> str:
        """One sentence for the clinician."""

    @property
    def resources(self) -> tuple[str, ...]:
        """The `Type/id` of what it was read from."""


class Finding(Struct, frozen=True):
    """One criterion against one chart: the verdict, and what decides it. The words are put together where they are asked for."""

    criterion: Criterion
    verdict: Verdict
    behind: tuple[Ground, ...]

    @property
    def reason(self) -> str:
        """How the chart says so, in one text."""
        return " ".join(reasons_of(self.behind))

    @property
    def resources(self) -> tuple[str, ...]:
        """The resources behind it, `Type/id`."""
        return resources_of(self.behind)


class Condition(Struct, frozen=True):
    """A compiled condition: the facts it reads, the test, and which of the facts carry the outcome of the test."""

    facts: tuple[str, ...]
    test: Callable[[Facts], Truth]
    why: Callable[[Facts], tuple[str, ...]]


def compile_condition(when: Mapping[str, Any], catalogue: Mapping[str, FactKind], where: str) -> Condition:
    """Turn a YAML condition into a function of the facts.

    Raises `CriterionError` naming `where` if a key, fact, word or type is not known.
    """
    match dict(when):
        case {"all": list(parts), **rest} if not rest:
            conditions = [compile_condition(part, catalogue, where) for part in parts]
            return _joined(conditions, all_of)
        case {"any": list(parts), **rest} if not rest:
            conditions = [compile_condition(part, catalogue, where) for part in parts]
            return _joined(conditions, any_of)
        case {"not": dict(part), **rest} if not rest:
            inner = compile_condition(part, catalogue, where)
            return Condition(inner.facts, lambda facts: negate(inner.test(facts)), inner.why)
        case {"undecided": dict(part), **rest} if not rest:
            inner = compile_condition(part, catalogue, where)
            return Condition(inner.facts, lambda facts: False if inner.test(facts) is False else None, inner.why)
        case {"fact": str(name), **tests} if len(tests) == 1:
            if name not in catalogue:
                raise CriterionError(f"{where}: no fact is named {name!r}; see `cds.patient.facts`")
            operator, operand = next(iter(tests.items()))
            return _compile_test(name, catalogue[name], operator, operand, where)
    raise CriterionError(f"{where}: expected all, any, not, undecided, or a fact with exactly one test, found {sorted(when)}")


def _joined(parts: list[Condition], join: Callable[[Iterable[Truth]], Truth]) -> Condition:
    """All or any of the parts; those carry the outcome whose own outcome is the same."""

    def test(facts: Facts) -> Truth:
        return join(part.test(facts) for part in parts)

    def why(facts: Facts) -> tuple[str, ...]:
        truth = test(facts)
        return _names(part.why(facts) for part in parts if part.test(facts) is truth)

    return Condition(_names(part.facts for part in parts), test, why)


def _names(named: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in named for name in names))


def _leaf(name: str, test: Callable[[Facts], Truth]) -> Condition:
    return Condition((name,), test, lambda _: (name,))


def _compile_test(name: str, kind: FactKind, operator: str, operand: Any, where: str) -> Condition:
    match kind.kind, operator, operand:
        case "number", str(op), int() | float() if op in _NUMBER_TESTS and not isinstance(operand, bool):
            return _number_condition(name, _NUMBER_TESTS[op], float(operand))
        case "word" | "flag" | "number", "is", "unknown":
            return _leaf(name, lambda facts: facts[name].value is None)
        case "flag", "is", bool(expected):
            return _flag_condition(name, expected)
        case "word", "is", str(word):
            return _word_condition(name, kind, (word,), where)
        case "word", "in", list(words) if all(isinstance(word, str) for word in words):
            return _word_condition(name, kind, tuple(words), where)
    raise CriterionError(f"{where}: `{operator}: {operand}` does not fit the {kind.kind} fact {name!r}")


def _word_condition(name: str, kind: FactKind, words: tuple[str, ...], where: str) -> Condition:
    unknown = [word for word in words if word not in kind.words]
    if unknown and kind.words != ("*",):
        raise CriterionError(f"{where}: {unknown[0]!r} is not a word of {name!r}; it has {', '.join(kind.words)}")
    wanted = frozenset(words)

    def test(facts: Facts) -> Truth:
        value = facts[name].value
        return None if value is None else value in wanted

    return _leaf(name, test)


def _number_condition(name: str, compare: Callable[[Bounds, float], Truth], operand: float) -> Condition:
    def test(facts: Facts) -> Truth:
        value = facts[name].value
        return compare(value, operand) if isinstance(value, Bounds) else None

    return _leaf(name, test)


def _flag_condition(name: str, expected: bool) -> Condition:
    def test(facts: Facts) -> Truth:
        value = facts[name].value
        return None if value is None else value is expected

    return _leaf(name, test)


def judge(criterion: Criterion, condition: Condition, facts: Facts) -> Finding:
    """Test one criterion against the facts of a chart."""
    truth = condition.test(facts)
    deciding = [facts[name] for name in condition.facts]
    if truth is None and len(deciding) > 1 and any(fact.value is None for fact in deciding):
        deciding = [fact for fact in deciding if fact.value is None or isinstance(fact.value, Bounds)]
    return Finding(criterion, VERDICTS[truth], tuple(deciding))


def reasons_of(grounds: Iterable[Ground]) -> tuple[str, ...]:
    """What each says, once."""
    return tuple(dict.fromkeys(ground.reason for ground in grounds if ground.reason))


def resources_of(grounds: Iterable[Ground]) -> tuple[str, ...]:
    """The resources behind all of them, each once."""
    return tuple(dict.fromkeys(resource for ground in grounds for resource in ground.resources))

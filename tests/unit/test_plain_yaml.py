"""YAML is read as PyYAML's safe loader reads it, whichever way it is made into values."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cds.plain_yaml import load_yaml

ROOT = Path(__file__).parents[2]
CONTENT = [path for folder in ("seeds", "cards") for path in sorted((ROOT / folder).rglob("*.yaml"))]


def by_pyyaml(source: bytes | str) -> object:
    return yaml.load(source, Loader=yaml.CSafeLoader)


def test_all_content_is_read_as_pyyaml_reads_it() -> None:
    assert CONTENT
    assert [path for path in CONTENT if load_yaml(path.read_bytes()) != by_pyyaml(path.read_bytes())] == []


@pytest.mark.parametrize(
    "source",
    [
        "",
        "just words",
        "[a, [b, {c: d}], {}]",
        "{1: a, 2.5: b, true: c, ~: d, 2024-05-01: e}",
        "{whole: 7, real: 1.5, flag: no, nothing: ~, day: 2024-05-01, quoted: '7', words: 07-b, none: }",
        "base: &base {a: 1, b: [2]}\nmore: {<<: *base, b: 3}\nagain: *base",
        "{a: 1, a: 2}",
        "{=: a}",
        "- !!str 5\n- !!int '5'\n- !!set {a, b}\n- !!binary aGk=\n- !!pairs [a: b]",
        "? !!str a\n: !!seq [b]\n? b\n: !!map {c: d}",
    ],
)
def test_every_kind_of_value_is_what_pyyaml_makes(source: str) -> None:
    made, expected = load_yaml(source), by_pyyaml(source)
    assert made == expected
    assert repr(made) == repr(expected), "also the types, and the order of keys"


def test_what_an_anchor_names_is_one_value() -> None:
    made = load_yaml("first: &named [a]\nsecond: *named\nthird: &itself [*itself]")
    assert made["first"] is made["second"]
    assert made["third"][0] is made["third"]


@pytest.mark.parametrize(
    "source",
    [
        "a: b: c",
        "[a",
        "*nowhere",
        "!!python/object:os.system {}",
        "{[a]: b}",
        "? [a, b]\n: c",
        "!!map [a]",
        "!!seq {a: b}",
        "!!str [a]",
        "a: \t- b",
    ],
)
def test_what_pyyaml_refuses_is_refused_with_its_words(source: str) -> None:
    with pytest.raises(yaml.YAMLError) as expected:
        by_pyyaml(source)
    with pytest.raises(yaml.YAMLError) as found:
        load_yaml(source)
    assert str(found.value) == str(expected.value)

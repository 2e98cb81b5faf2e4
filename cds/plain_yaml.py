"""YAML as the safe loader of PyYAML reads it, in half the time: what is plain text, a list or a mapping is taken as it was parsed.

Whatever else there may be (numbers, dates, `<<`, tags, keys that are no text) is made by PyYAML.
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_TEXT, _LIST, _MAPPING = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))


def load_yaml(source: bytes | str) -> Any:
    """The content of a YAML document. Raises `yaml.YAMLError` saying where it is none."""
    loader = _Loader(source)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


class _Loader(yaml.CSafeLoader):
    def construct_object(self, node: Node, deep: bool = False) -> Any:
        if node.tag == _TEXT and type(node) is ScalarNode:
            return node.value
        if node not in self.constructed_objects:  # else it was named by an anchor, and is one object wherever it stands
            if node.tag == _LIST and type(node) is SequenceNode:
                made = self.constructed_objects[node] = []
                made.extend(self.construct_object(item) for item in node.value)
                return made
            if node.tag == _MAPPING and type(node) is MappingNode and all(key.tag == _TEXT for key, _ in node.value):
                return self._mapping(node)
        return super().construct_object(node, deep)

    def _mapping(self, node: MappingNode) -> dict[str, Any]:
        made: dict[str, Any] = {}
        self.constructed_objects[node] = made
        for key, value in node.value:
            made[self.construct_object(key)] = self.construct_object(value)
        return made

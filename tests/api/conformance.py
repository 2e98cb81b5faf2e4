"""docs/conformance.md, made from the rows and the markers of the tests: `python -m tests.api.conformance`."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
HEAD = """# Conformance to CDS Hooks

Row by row what the service does of CDS Hooks 2.0.1 (and, where harmless, of the 3.0 ballot), and which tests show it. SHALL, SHOULD and MAY
are the specification's words for a service; LOCAL is Ranvier's own decision where it is silent; CLIENT is a duty of the caller that the
service checks or bears. Made from the tests by `python -m tests.api.conformance`.
"""


def rows_tested(folder: Path) -> dict[str, list[str]]:
    """Row id → the tests that carry it as a marker, found in the source."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for row in _rows(node):
                    found[row].append(f"{path.name}::{node.name}")
    return found


def table() -> str:
    """The whole page."""
    tests = rows_tested(HERE)
    lines = [HEAD]
    for line in (HERE / "rows.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            lines.append(f"\n{line}\n\n| Row | Level | What | Status |\n|---|---|---|---|")
        elif line.startswith("CH-"):
            row, level, text, *reason = line.split(" | ")
            lines.append(f"| {row} | {level} | {text} | {_status(tests.get(row, []), reason)} |")
    return "\n".join(lines) + "\n"


def open_rows() -> list[str]:
    """SHALL and LOCAL rows that no test shows and that nothing explains."""
    return [
        line.split(" |")[0][2:]
        for line in table().splitlines()
        if line.endswith("| **open** |") and ("| SHALL |" in line or "| LOCAL |" in line)
    ]


def _status(tests: list[str], reason: list[str]) -> str:
    if tests:
        modules = dict.fromkeys(test.partition("::")[0].removesuffix(".py") for test in tests)
        return f"tested: {', '.join(f'`{module}`' for module in modules)}"
    return f"not applicable: {reason[0]}" if reason else "**open**"


def _rows(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.row":
            yield from (argument.value for argument in decorator.args if isinstance(argument, ast.Constant))


if __name__ == "__main__":
    (HERE.parents[1] / "docs" / "conformance.md").write_text(table(), encoding="utf-8")

"""Source and test trees mirror each other: a module that does something has its own file of unit tests."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/virtrigaud_secrets"
UNIT = ROOT / "tests/unit"

WITHOUT_OWN_TESTS = {
    "cli/__main__.py": "three lines that call cli.main",
}
"""Module → why no file of unit tests is its own."""


LAZY_NAMES = {"__getattr__", "__dir__"}
"""What a package's `__init__` may define without tests of its own: test_public_names.py asks them all."""


def does_something(module: Path) -> bool:
    """Whether there is a function in it; constants and plain records need no tests."""
    tree = ast.parse(module.read_text())
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return bool(functions - LAZY_NAMES)


def expected(module: Path) -> Path:
    relative = module.relative_to(SOURCE)
    name = relative.parent.name if module.name == "__init__.py" else module.stem
    return UNIT / relative.parent / f"test_{name}.py"


MODULES = [module for module in sorted(SOURCE.rglob("*.py")) if does_something(module)]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.relative_to(SOURCE).as_posix())
def test_a_module_has_its_tests(module: Path) -> None:
    if module.relative_to(SOURCE).as_posix() in WITHOUT_OWN_TESTS:
        return
    wanted = expected(module)
    assert wanted.is_file(), f"{wanted.relative_to(ROOT)} is missing"
    assert "def test_" in wanted.read_text()


def test_no_exception_is_out_of_date() -> None:
    assert all((SOURCE / module).is_file() for module in WITHOUT_OWN_TESTS)

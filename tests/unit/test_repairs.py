"""The table of repairs, and its page for people."""

import re
from pathlib import Path

from virtrigaud_secrets import repairs
from virtrigaud_secrets.repairs import REPAIRS

ROOT = Path(__file__).parents[2]
IDS = {value for name, value in vars(repairs).items() if name.isupper() and isinstance(value, str)}


def test_each_id_is_in_the_table_and_on_the_page():
    page = (ROOT / "docs/differences-from-eso.md").read_text()
    assert set(REPAIRS) == IDS
    assert re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE) == list(REPAIRS)


def test_each_id_is_used_by_name_only():
    sources = {path: path.read_text() for path in (ROOT / "src").rglob("*.py") if path.name != "repairs.py"}
    for constant, value in vars(repairs).items():
        if constant.isupper() and isinstance(value, str):
            assert any(re.search(rf"\b{constant}\b", text) for text in sources.values()), constant
            assert not [path for path, text in sources.items() if f'"{value}"' in text], value

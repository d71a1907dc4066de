"""The page on templates lists every function and limit, and its example holds."""

import dataclasses
import re
from pathlib import Path

from virtrigaud_secrets.template import Limits, render
from virtrigaud_secrets.template.functions import NAMES
from virtrigaud_secrets.template.functions.builtins import FUNCTIONS as BUILTINS

PAGE = (Path(__file__).parents[2] / "docs" / "templates.md").read_text(encoding="utf-8")


def test_every_function_is_listed_once():
    listed = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## Functions")[2], re.MULTILINE)
    assert sorted(listed) == sorted(NAMES - set(BUILTINS))
    own = re.search(r"Go's own: `([a-z ]+)`", PAGE)
    assert own is not None
    assert set(own[1].split()) == set(BUILTINS)


def test_every_limit_is_listed():
    assert all(f"`{field.name}`" in PAGE for field in dataclasses.fields(Limits))


def test_the_example():
    text, output = re.findall(r'render\("(.*?)", .*# b\'(.*)\'', PAGE)[0]
    assert render(text, {"host": b"VC01.LAB.EXAMPLE", "port": b"443"}) == output.encode()


def test_what_the_page_says_of_the_root():
    assert render('{{ index . "nope" | default "x" }}', {}) == b"x"
    assert render("{{ hasKey (. | toJson | fromJson) `a` }}", {"a": b""}) == b"true"

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError
from virtrigaud_secrets.template import Limits


@pytest.mark.parametrize(
    ("template", "pattern"),
    [
        ("{{ randAlpha 40 }}", "[A-Za-z]{40}"),
        ("{{ randNumeric 40 }}", "[0-9]{40}"),
        ("{{ randAlphaNum 40 }}", "[A-Za-z0-9]{40}"),
        ("{{ randAscii 40 }}", "[ -~]{40}"),
        ("{{ randBytes 40 }}", "[A-Za-z0-9+/]{54}=="),
        ("{{ uuidv4 }}", "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("{{ shuffle .letters }}", "[a-z]{26}"),
    ],
)
def test_random_texts_have_their_form_and_differ(rendered: Callable[..., str], template: str, pattern: str) -> None:
    first, second = (rendered(template, letters="abcdefghijklmnopqrstuvwxyz") for _ in range(2))
    assert re.fullmatch(pattern, first)
    assert first != second


def test_nothing_and_less_is_nothing(rendered: Callable[..., str]) -> None:
    assert rendered("{{ randAlpha 0 }}{{ randAscii -5 }}{{ randBytes 0 }}{{ shuffle `` }}") == ""


def test_a_shuffled_text_keeps_its_characters(rendered: Callable[..., str]) -> None:
    assert sorted(rendered("{{ shuffle `héllo` }}")) == sorted("héllo")


def test_a_random_number_lies_in_its_range(rendered: Callable[..., str]) -> None:
    numbers = rendered("{{ range until 200 }}{{ randInt -2 3 }} {{ end }}").split()
    assert set(numbers) == {"-2", "-1", "0", "1", "2"}


@pytest.mark.parametrize("template", ["{{ randInt 5 5 }}", "{{ randInt 5 1 }}", "{{ randBytes -1 }}"])
def test_impossible_numbers_are_refused(rendered: Callable[..., str], template: str) -> None:
    with pytest.raises(TemplateExecutionError):
        rendered(template)


@pytest.mark.parametrize("name", ["randAlpha", "randNumeric", "randAlphaNum", "randAscii", "randBytes"])
def test_random_texts_are_limited(rendered: Callable[..., str], name: str) -> None:
    with pytest.raises(TemplateExecutionError, match="more than 100 random characters"):
        rendered(f"{{{{ {name} 101 }}}}", Limits(random_size=100))

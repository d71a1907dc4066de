"""Functions that look at every character count their work, so that a loop over a large text comes to an end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError
from virtrigaud_secrets.template import Limits


@pytest.mark.parametrize(
    "call",
    [
        "snakecase .a", "kebabcase .a", "camelcase .a", "upper .a", "title .a", "initials .a", "b32enc .a", "b32dec .a",
        "fromJson .a", "fromYaml .a", "toYaml .a", "toJson (list .a)", "quote .a", "wrap 5 .a", "wrapWith 5 `x` .a",
        "urlParse .a", "urlJoin (dict `path` .a)", "regexReplaceAll `z` .a `y`", "regexQuoteMeta .a", "semver .a",
    ],
)  # fmt: skip
def test_large_texts_cost(rendered: Callable[..., str], call: str) -> None:
    template = f"{{{{ range until 200 }}}}{{{{ $_ := {call.replace('.a', '$.a')} }}}}{{{{ end }}}}"
    text = "1.2.3-" + "a" * 2000 if "semver" in call else "Ab c" * 500
    with pytest.raises(TemplateExecutionError, match="steps"):
        rendered(template, Limits(steps=1500), a=text)


@pytest.mark.parametrize("call", ["date .a 0", "toDate .a ``", "mustToDate .a ``", "(toDate `` ``).Format .a"])
def test_layouts_are_limited(rendered: Callable[..., str], call: str) -> None:
    with pytest.raises(TemplateExecutionError, match="layout is longer"):
        rendered(f"{{{{ {call} }}}}", a="2006" * 1025)


def test_texts_and_durations_too_long_are_none(rendered: Callable[..., str]) -> None:
    assert rendered("{{ (toDate `.9` .a).IsZero }}", a="." + "9" * 70_000) == "true"
    assert rendered("{{ durationRound .a }}", a="1h" * 200) == "0s"
    assert rendered("{{ durationRound .a }}", a="1h" * 100) == "4d"

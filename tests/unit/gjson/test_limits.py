from __future__ import annotations

import pytest

from virtrigaud_secrets import gjson
from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.gjson.limits import BASE_WORK, MAX_DEPTH, Budget, PathLimitError


def test_work_is_bounded() -> None:
    budget = Budget("")
    budget.spend(BASE_WORK // 2)

    with pytest.raises(PathLimitError, match="work"):
        budget.spend(BASE_WORK // 2)


def test_a_larger_document_may_cost_more() -> None:
    Budget("x" * 1000).spend(BASE_WORK + 1000)


def test_depth_is_bounded() -> None:
    budget = Budget("")
    for _ in range(MAX_DEPTH):
        budget.descend()
    budget.ascend()
    budget.descend()

    with pytest.raises(PathLimitError, match="deep"):
        budget.descend()


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ("[1]", "|".join(["[@this,@this]"] * 60)),
        ('{"a":1}', "@tostr|" * 200 + "@this"),
        ('{"a":' * 2000 + "1" + "}" * 2000, "@dig:a"),
        ("[" * 20_000 + "]" * 20_000, '@flatten:{"deep":true}'),
        ('{"a":' * 300 + "1" + "}" * 300, ".".join(["a"] * 300)),
        ("[[[1]]]", "@dig:" * 200 + "@this"),
        ("[" * 100 + "]" * 100, "@pretty"),
    ],
)
def test_hostile_input_ends_in_our_own_error(monkeypatch: pytest.MonkeyPatch, document: str, path: str) -> None:
    monkeypatch.setattr("virtrigaud_secrets.gjson.limits.BASE_WORK", 100_000)

    with pytest.raises(PathLimitError) as caught:
        gjson.get(document, path)

    assert isinstance(caught.value, SecretsError)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ("[" * 200_000, "0.0.0"),
        ("[" * 100_000, "@valid"),
        ('{"' + "a" * 50_000 + '":1}', "*" + "a" * 2000 + "b"),
        ('["' + "a" * 50_000 + '"]', '#(%"' + "*a" * 500 + 'b")'),
        ("[1,2]", "#(" * 1000 + ")" * 1000),
        ('{"a":"' + "\\\\" * 300_000, "a"),
        ('"' * 100_001, "@reverse"),
    ],
)
def test_hostile_input_is_dealt_with_quickly(document: str, path: str) -> None:
    assert isinstance(gjson.get(document, path), gjson.Result)

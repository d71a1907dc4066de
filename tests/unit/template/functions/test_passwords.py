from __future__ import annotations

from collections.abc import Callable

import bcrypt
import pytest

from virtrigaud_secrets.errors import TemplateExecutionError
from virtrigaud_secrets.template import Limits


@pytest.mark.parametrize("password", ["", "secret", "pä€ss", "y" * 72])
def test_a_hash_is_the_passwords(rendered: Callable[..., str], password: str) -> None:
    hashed = rendered("{{ bcrypt .p }}", p=password)
    assert hashed.startswith("$2a$10$")
    assert bcrypt.checkpw(password.encode(), hashed.encode())


def test_a_password_too_long_gives_gos_text(rendered: Callable[..., str]) -> None:
    assert rendered("{{ bcrypt .p }}", p="y" * 73) == (
        "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes"
    )


def test_htpasswd_lines(rendered: Callable[..., str]) -> None:
    assert rendered('{{ htpasswd "bob" "secret" "sha" }}') == "bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="
    user, _, hashed = rendered('{{ htpasswd "bob" "secret" "bcrypt" }}').partition(":")
    assert user == "bob"
    assert bcrypt.checkpw(b"secret", hashed.encode())
    assert rendered('{{ htpasswd "b:b" "x" "sha" }}') == "invalid username: b:b"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("long", "ZedaFaxcZaso9*"),
        ("maximum", "pf4zS1LjCg&LjhsZ7T2~"),
        ("medium", "ZedJuz8$"),
        ("basic", "pIS54PLs"),
        ("short", "Zed5"),
        ("pin", "6685"),
        ("other", "cannot find password template other"),
    ],
)
def test_derived_passwords_are_master_passwords(rendered: Callable[..., str], kind: str, expected: str) -> None:
    assert rendered(f'{{{{ derivePassword 1 "{kind}" "password" "user" "example.com" }}}}') == expected


@pytest.mark.parametrize(
    "template", ['{{ derivePassword -1 "pin" "a" "b" "c" }}', '{{ $a := "sha" }}{{ htpasswd "u" "p" $a }}']
)
def test_arguments_of_another_type_are_refused(rendered: Callable[..., str], template: str) -> None:
    with pytest.raises(TemplateExecutionError):
        rendered(template)


def test_a_hash_dearer_than_allowed_is_refused(rendered: Callable[..., str]) -> None:
    with pytest.raises(TemplateExecutionError, match="password hash costs 10"):
        rendered('{{ bcrypt "x" }}', Limits(bcrypt_cost=9))


@pytest.mark.parametrize("call", ['bcrypt "x"', 'derivePassword 1 "pin" "a" "b" "c"'])
def test_many_hashes_are_too_many(rendered: Callable[..., str], call: str) -> None:
    with pytest.raises(TemplateExecutionError, match="steps"):
        rendered(f"{{{{ range until 100 }}}}{{{{ $_ := {call} }}}}{{{{ end }}}}", Limits(steps=30_000))

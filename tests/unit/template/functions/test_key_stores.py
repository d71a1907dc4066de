from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError
from virtrigaud_secrets.template import Limits


@pytest.mark.parametrize("password", ["", "pw", "pä€"])
def test_what_is_packed_comes_out(rendered: Callable[..., str], chain, password: str) -> None:
    data = {"c": chain.leaf + chain.authority, "k": chain.leaf_key, "p": password}
    packed = "{{ $p := fullPemToPkcs12Pass .c .k .p | b64dec }}"
    assert rendered(packed + "{{ pkcs12keyPass .p $p }}", **data) == chain.leaf_key
    assert rendered(packed + "{{ pkcs12certPass .p $p }}", **data) == chain.leaf + chain.authority
    single = "{{ $p := pemToPkcs12Pass .c .k .p | b64dec }}"
    assert (
        rendered(single + "{{ pkcs12certPass .p $p }}{{ pkcs12keyPass .p $p }}", **data) == chain.leaf + chain.leaf_key
    )


def test_without_a_password(rendered: Callable[..., str], chain) -> None:
    data = {"c": chain.leaf + chain.authority, "k": chain.leaf_key}
    assert rendered("{{ pemToPkcs12 .c .k | b64dec | pkcs12key }}", **data) == chain.leaf_key
    assert rendered("{{ pemToPkcs12 .c .k | b64dec | pkcs12cert }}", **data) == chain.leaf
    assert rendered("{{ fullPemToPkcs12 .c .k | b64dec | pkcs12cert }}", **data) == chain.leaf + chain.authority


def test_a_chain_is_put_in_order_and_others_stay(rendered: Callable[..., str], chain) -> None:
    template = "{{ fullPemToPkcs12 .c .k | b64dec | pkcs12cert }}"
    shuffled = chain.leaf + chain.root + chain.authority
    assert rendered(template, c=shuffled, k=chain.leaf_key) == chain.leaf + chain.authority + chain.root
    disjoint = chain.leaf + chain.root
    assert rendered(template, c=disjoint, k=chain.leaf_key) == disjoint


@pytest.mark.parametrize("call", ["pemTruststoreToPKCS12 .c", "pemTruststoreToPKCS12Pass .c `pw`"])
def test_a_trust_store_has_no_key(rendered: Callable[..., str], chain, call: str) -> None:
    assert rendered(f"{{{{ {call} | b64dec | len | lt 0 }}}}", c=chain.root) == "true"
    with pytest.raises(TemplateExecutionError, match="pkcs12"):
        rendered(f"{{{{ {call} | b64dec | pkcs12keyPass `pw` }}}}", c=chain.root)


@pytest.mark.parametrize(
    "template",
    [
        "{{ pkcs12key `junk` }}",
        "{{ pkcs12cert `` }}",
        "{{ pemToPkcs12Pass .c .k `a` | b64dec | pkcs12keyPass `b` }}",
        "{{ pemToPkcs12 `x` .k }}",
        "{{ pemToPkcs12 .c `x` }}",
        "{{ pemToPkcs12 .k .k }}",
        "{{ pemToPkcs12 .c .c }}",
        "{{ fullPemToPkcs12 (print .c `junk`) .k }}",
        "{{ pemTruststoreToPKCS12 `x` }}",
        "{{ pemToPkcs12Pass .c .k `\U0001f511` }}",
        "{{ pemTruststoreToPKCS12Pass .c `\U0001f511` }}",
    ],
)
def test_what_cannot_be_packed_or_opened_is_refused(rendered: Callable[..., str], chain, template: str) -> None:
    with pytest.raises(TemplateExecutionError) as caught:
        rendered(template, c=chain.leaf, k=chain.leaf_key)
    assert "internal error" not in caught.value.reason


def test_an_empty_trust_store_can_be_made(rendered: Callable[..., str]) -> None:
    assert rendered("{{ pemTruststoreToPKCS12 `` | b64dec | len | lt 0 }}") == "true"


def test_packing_counts_as_work(rendered: Callable[..., str], chain) -> None:
    with pytest.raises(TemplateExecutionError, match="steps"):
        rendered("{{ pemToPkcs12 .c .k }}", Limits(steps=5000), c=chain.leaf, k=chain.leaf_key)

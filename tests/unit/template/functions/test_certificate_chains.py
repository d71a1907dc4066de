from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError


def test_blocks_of_a_type_are_kept(rendered: Callable[..., str], chain) -> None:
    mixed = f"junk\n{chain.leaf_key}{chain.leaf}between\n{chain.root}"
    assert rendered('{{ filterPEM "CERTIFICATE" .p }}', p=mixed) == chain.leaf + chain.root
    assert rendered('{{ filterPEM "private key" .p }}', p=mixed) == chain.leaf_key
    assert rendered('{{ filterPEM "X" .p }}', p=chain.leaf) == ""
    assert rendered('{{ filterPEM "X" "" }}') == ""


@pytest.mark.parametrize("text", ["junk", "-----BEGIN A-----\nQUJD\n-----END A-----\njunk"])
def test_text_without_such_a_block_is_junk(rendered: Callable[..., str], text: str) -> None:
    with pytest.raises(TemplateExecutionError, match="junk"):
        rendered('{{ filterPEM "X" .p }}', p=text)


def test_headers_are_kept_unless_they_cannot_be_written(rendered: Callable[..., str]) -> None:
    block = "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\nB: c\n\nQUJD\n-----END A-----\n"
    assert rendered('{{ filterPEM "A" .p }}', p=block) == block


def test_a_chain_is_taken_apart(rendered: Callable[..., str], chain) -> None:
    shuffled = chain.authority + chain.root + chain.leaf
    assert rendered('{{ filterCertChain "leaf" .c }}', c=shuffled) == chain.leaf
    assert rendered('{{ filterCertChain "intermediate" .c }}', c=shuffled) == chain.authority
    assert rendered('{{ filterCertChain "root" .c }}', c=shuffled) == chain.root
    assert rendered('{{ filterCertChain "other" .c }}', c=shuffled) == ""


def test_what_a_chain_lacks_is_empty(rendered: Callable[..., str], chain) -> None:
    assert rendered('{{ filterCertChain "root" .c }}', c=chain.leaf + chain.authority) == ""
    assert rendered('{{ filterCertChain "intermediate" .c }}', c=chain.leaf) == ""
    assert rendered('{{ filterCertChain "leaf" .c }}', c=chain.root) == ""


@pytest.mark.parametrize("broken", ["", "two leaves", "no certificate"])
def test_no_single_chain_is_refused(rendered: Callable[..., str], chain, broken: str) -> None:
    text = {"two leaves": chain.leaf + chain.root, "no certificate": chain.leaf_key}.get(broken, "")
    with pytest.raises(TemplateExecutionError):
        rendered('{{ filterCertChain "leaf" .c }}', c=text)


def test_alternative_names_are_listed_by_kind(rendered: Callable[..., str], chain) -> None:
    assert rendered("{{ certSANs .c | join `,` }}", c=f"junk\n{chain.leaf}") == (
        "vc01.lab.example,192.0.2.10,192.0.2.11,2001:db8::a,ops@lab.example,spiffe://lab/ns/x"
    )
    assert rendered("{{ certSANs .c | len }}", c=chain.root) == "0"


@pytest.mark.parametrize("text", ["", "junk", "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"])
def test_no_certificate_has_no_names(rendered: Callable[..., str], text: str) -> None:
    with pytest.raises(TemplateExecutionError):
        rendered("{{ certSANs .c }}", c=text)

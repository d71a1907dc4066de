from __future__ import annotations

from virtrigaud_secrets.models.backends import BACKENDS, KNOWN_TO_ESO, backend_model


def test_every_name_has_its_model() -> None:
    assert {name: backend_model(name) is not None for name in BACKENDS} == dict.fromkeys(BACKENDS, True)


def test_only_ours_is_unknown_to_eso() -> None:
    assert set(BACKENDS) - KNOWN_TO_ESO == {"files"}


def test_a_backend_without_a_model() -> None:
    assert backend_model("gitlab") is None

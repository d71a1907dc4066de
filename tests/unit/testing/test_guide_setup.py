from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from virtrigaud_secrets.errors import MissingDependencyError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing import guide_setup
from virtrigaud_secrets.testing.demonstration import EXPECTED_REQUESTS
from virtrigaud_secrets.testing.guide_setup import (
    COMMON_NAME,
    GUIDE_POLICY,
    GUIDE_SERVER,
    MISSING_POLICY,
    PKI_ROLE,
    ROLES,
    SERVICE_ACCOUNT,
    STORE_NAMESPACE,
    GuideWorld,
    guide_world,
)
from virtrigaud_secrets.testing.servers import OpenBao, PostgreSQL, TokenReviewServer


def documents() -> list[dict[str, Any]]:
    directory = files("virtrigaud_secrets.testing") / "guide"
    texts = [path.read_text() for path in directory.iterdir() if path.name.endswith(".yaml")]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def manifest_paths() -> list[str]:
    secrets = [document for document in documents() if document["kind"] == "ExternalSecret"]
    return [entry["remoteRef"]["key"] for document in secrets for entry in document["spec"]["data"]]


def granted(policy: str) -> set[str]:
    return set(re.findall(r'^path "([^"]+)"', policy, re.MULTILINE))


def test_policies_cover_the_manifests_with_nothing_to_spare() -> None:
    missing = {path for path in manifest_paths() if not any(covers(rule, path) for rule in granted(GUIDE_POLICY))}
    assert granted(MISSING_POLICY) == missing
    assert "sudo" not in GUIDE_POLICY + MISSING_POLICY
    assert 'path "*"' not in GUIDE_POLICY + MISSING_POLICY


def covers(rule: str, path: str) -> bool:
    return path.startswith(rule[:-1]) if rule.endswith("*") else path == rule


def test_every_path_of_the_manifests_is_expected_once_and_nothing_else() -> None:
    expected = {path for _, path in EXPECTED_REQUESTS}
    assert expected == {*manifest_paths(), "auth/kubernetes/login"}
    assert set(EXPECTED_REQUESTS.values()) == {1}
    assert len(manifest_paths()) == 14


def test_stores_name_the_server_account_and_roles_that_are_set_up() -> None:
    vaults = [document["spec"]["provider"]["vault"] for document in documents() if "Store" in document["kind"]]
    assert {vault["server"] for vault in vaults} == {GUIDE_SERVER}
    logins = [vault["auth"]["kubernetes"] for vault in vaults]
    assert tuple(login["role"] for login in logins) == ROLES
    assert {login["serviceAccountRef"]["name"] for login in logins} == {SERVICE_ACCOUNT}
    assert {login["mountPath"] for login in logins} == {"kubernetes"}


def test_the_issuing_role_allows_the_name_that_is_asked_for() -> None:
    domains = str(PKI_ROLE["allowed_domains"]).split(",")
    assert any(COMMON_NAME.endswith(f".{domain}") for domain in domains)


def test_settings_hold_what_the_manifests_do_not_say(tmp_path: Path) -> None:
    world = GuideWorld(
        openbao=OpenBao(tls=False),
        postgres=PostgreSQL(),
        cluster=TokenReviewServer(),
        manifests=tmp_path,
        service_account_directory=tmp_path / "sa",
        approle_id="id",
        approle_secret_id=Sensitive("planted"),
        directory=tmp_path,
        audit_start=0,
    )
    settings = world.settings()
    assert settings.address(GUIDE_SERVER) == "http://127.0.0.1:0"
    assert settings.parameters["pki/issue/virtrigaud"]["common_name"] == COMMON_NAME
    assert settings.service_account_tokens == "projected"
    assert settings.store_namespaces == (STORE_NAMESPACE,)
    assert "planted" not in repr(world)
    token_file = world.save_root_token()
    assert token_file.stat().st_mode & 0o777 == 0o600
    assert token_file.read_bytes() == world.openbao.root_token.reveal()


def test_missing_servers_are_named_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenBao, "missing_reason", staticmethod(lambda: "no bao program"))
    assert guide_setup.missing_reason() == "no bao program"
    with pytest.raises(MissingDependencyError, match=r"no bao program.*virtrigaud-secrets\[demo\]"), guide_world():
        pass

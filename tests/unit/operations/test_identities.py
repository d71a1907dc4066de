"""Which identities are told, and that nothing of a token but its end and account is."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from virtrigaud_secrets.operations.diagnosis import Level
from virtrigaud_secrets.operations.identities import claims, identities
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing import ManualClock

CANARY = "canary-value-51"
ACCOUNT = "system:serviceaccount:virtrigaud-system:provider"


def token(*, subject=ACCOUNT, ends_in=3600, **more):
    end = int((ManualClock().now() + timedelta(seconds=ends_in)).timestamp())
    parts = ({"alg": "none"}, {"sub": subject, "exp": end, "secret": CANARY, **more})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*encoded, CANARY.encode()])


@pytest.fixture
def told(tmp_path):
    def find(**settings):
        chosen = Settings(service_account_directory=tmp_path / "sa", **settings)
        found = list(identities(chosen, ManualClock()))
        assert CANARY not in "".join(map(str, found))
        assert all(bool(one.advice) for one in found if one.level is Level.ERROR)
        return found

    return find


def test_without_any(told):
    (found,) = told()
    assert (found.subject, found.level) == ("cluster", Level.NOTE)


@pytest.mark.parametrize(("ends_in", "level"), [(3600, Level.OK), (60, Level.WARNING), (-1, Level.ERROR)])
def test_a_pod(told, tmp_path, ends_in, level):
    directory = tmp_path / "sa"
    directory.mkdir()
    (directory / "token").write_bytes(token(ends_in=ends_in))
    (directory / "ca.crt").write_text("pem")
    cluster, who, end = told()
    assert str(directory) in cluster.message
    assert ACCOUNT in who.message
    assert end.level is level


def test_files_of_web_identities(told, tmp_path):
    file = tmp_path / "web"
    file.write_bytes(token())
    found = told(
        aws_role_arn="arn:aws:iam::1:role/r",
        aws_web_identity_token_file=file,
        azure_client_id="c",
        azure_tenant_id="t",
        azure_federated_token_file=tmp_path / "absent",
        google_application_credentials=file,
    )
    levels = {one.subject: one.level for one in found}
    assert levels["AWS web identity"] is Level.OK
    assert levels["Azure workload identity"] is Level.ERROR
    assert levels["Google credentials"] is Level.OK


@pytest.mark.parametrize(
    ("settings", "subject"),
    [({"aws_role_arn": "arn"}, "AWS web identity"), ({"azure_client_id": "c"}, "Azure workload identity")],
)
def test_half_an_identity(told, settings, subject):
    (found,) = [one for one in told(**settings) if one.level is Level.ERROR]
    assert found.subject == subject


def test_tokens_for_vault(told, tmp_path):
    assert told(vault_token=Sensitive(CANARY))[-1].message.startswith("from the environment")
    file = tmp_path / "token"
    file.write_text("")
    assert "is empty" in told(vault_token_file=file)[-1].message
    file.write_text(CANARY)
    assert told(vault_token_file=file)[-1].level is Level.OK
    assert "cannot be read" in told(vault_token_file=tmp_path / "absent")[-1].message


def test_a_kubeconfig_that_is_none(told, tmp_path):
    file = tmp_path / "kubeconfig"
    file.write_text(CANARY)
    assert told(kubeconfig=file)[0].level is Level.ERROR


@pytest.mark.parametrize(
    "written", [b"", b"opaque", b"a.b", b"a.!!.c", token(subject=CANARY), token(exp="soon"), token(exp=True)]
)
def test_what_is_no_web_token_tells_nothing(written):
    account, _ = claims(written)
    assert account in {"", ACCOUNT}
    assert CANARY not in account


def test_claims():
    assert claims(token())[0] == ACCOUNT
    assert claims(token(exp=10**30))[1] is None

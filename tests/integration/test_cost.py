"""The numbers of docs/cost.md are measured: the guide's manifests, as written, on servers that count requests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing.servers import AWSServices, KeyVault, SecretManager
from virtrigaud_secrets.testing.servers.google_identity import Machine

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "tests/data/guide"
ROW = re.compile(r"^\| ([a-z-]+) \| (\w+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
ROWS = {name: (store, *map(int, numbers)) for name, store, *numbers in ROW.findall((ROOT / "docs/cost.md").read_text())}
"""ExternalSecret → store, entries, ESO's reads, ours, and what else the first resolve sends."""

Counts = Callable[[], tuple[int, int]]
"""How many reads and other requests the server has seen."""


def paths(*names: str) -> list[Path]:
    return [GUIDE / f"{name}.yaml" for name in names]


def measured(resolver: Resolver, name: str, counts: Counts) -> tuple[int, int, int]:
    """Reads of a resolve, other requests of the first one, and all requests of the next one."""
    (document,) = [one for one in resolver.catalog.external_secrets if one.name == name]
    before = counts()
    resolver.resolve(name, namespace=document.namespace)
    first = counts()
    resolver.resolve(name, namespace=document.namespace)
    second = counts()
    return first[0] - before[0], first[1] - before[1], sum(second) - sum(first)


def check(name: str, found: tuple[int, int, int]) -> None:
    reads, besides, again = found
    assert (reads, besides) == ROWS[name][3:], f"docs/cost.md says otherwise of {name}"
    assert again <= reads, "what is paid once was paid again"


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row[0] == "vault"])
def test_vault(guide_world, name):
    bao = guide_world.openbao

    def counts() -> tuple[int, int]:
        requests = [entry for entry in bao.audit_entries() if entry.kind == "request"]
        others = sum(entry.path.startswith(("auth/", "sys/")) for entry in requests)
        return len(requests) - others, others

    with Resolver.from_path(guide_world.manifests, settings=guide_world.settings()) as resolver:
        check(name, measured(resolver, name, counts))


def test_aws(require, tmp_path):
    require(AWSServices.missing_reason())
    import boto3

    token = tmp_path / "token"
    token.write_text("header.payload.signature")
    with AWSServices() as services:
        session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="k", region_name="us-west-2")
        sdk = session.client("secretsmanager", endpoint_url=services.address)
        values: Mapping[str, object] = {
            "virtrigaud/provider-credentials": {"credentials": {"user": "u"}},
            "virtrigaud/api-keys": {"provider-api-key": "k"},
        }
        for key, value in values.items():
            if key not in {one["Name"] for one in sdk.list_secrets()["SecretList"]}:
                sdk.create_secret(Name=key, SecretString=json.dumps(value))

        def counts() -> tuple[int, int]:
            logins = sum("AssumeRole" in operation for operation in services.operations())
            return len(services.calls) - logins, logins

        settings = Settings(
            endpoints=services.endpoints(),
            aws_role_arn="arn:aws:iam::123456789012:role/r",
            aws_web_identity_token_file=token,
        )
        manifests = paths("aws-store", "aws-provider-credentials")
        with Resolver.from_path(manifests, settings=settings) as resolver:
            check("aws-provider-credentials", measured(resolver, "aws-provider-credentials", counts))


def test_azure(tmp_path):
    with KeyVault() as vault:
        vault.entra.add_identity()
        for key in ("azure-subscription-id", "azure-resource-group", "azure-client-cert"):
            vault.set_secret(key, "value")
        ca_file = tmp_path / "ca.pem"
        ca_file.write_bytes(vault.ca_pem)

        def counts() -> tuple[int, int]:
            reads = sum(bool(request.client_id) for request in vault.requests)
            logins = sum("metadata" in request.path for request in vault.requests)
            # Each of the requests that begin at the same time is challenged: one stands for all.
            return reads, logins + (len(vault.requests) > reads + logins)

        # An address that no other test asks: the SDK remembers challenges.
        url = "https://cost-of-the-guide.vault.azure.net/"
        store = tmp_path / "store.yaml"
        written = (GUIDE / "azure-store.yaml").read_text()
        store.write_text(written.replace("https://virtrigaud-vault.vault.azure.net/", url))
        settings = Settings(ca_file=ca_file, endpoints=vault.endpoints(url))
        with Resolver.from_path([store, *paths("azure-provider-secrets")], settings=settings) as resolver:
            check("azure-provider-secrets", measured(resolver, "azure-provider-secrets", counts))


def test_google(tmp_path):
    project = "your-gcp-project"
    with SecretManager() as google:
        for key in ("virtrigaud-service-account", "gcp-project-id"):
            google.secrets.add(project, key, "value")
        google.identity.machine = Machine(project, f"virtrigaud-secrets@{project}.iam.gserviceaccount.com")
        (tmp_path / "token").write_text("the pod's")

        def counts() -> tuple[int, int]:
            reads = len(google.asked_for_secrets())
            return reads, len(google.asked) - reads

        settings = Settings(
            endpoints=google.endpoints(), ca_file=google.write_ca(tmp_path), service_account_directory=tmp_path
        )
        manifests = paths("gcp-store", "gcp-provider-secrets")
        with Resolver.from_path(manifests, settings=settings) as resolver:
            check("gcp-provider-secrets", measured(resolver, "gcp-provider-secrets", counts))


def test_every_external_secret_of_the_guide_has_a_row_with_its_entries():
    catalog = load(sorted(GUIDE.glob("*.yaml")))
    entries = {one.name: len(one.spec.data) + len(one.spec.data_from) for one in catalog.external_secrets}
    # Each entry is a request to ESO (ESO §3): none of these reads one secret of AWS twice.
    assert {name: row[1:3] for name, row in ROWS.items()} == {name: (count, count) for name, count in entries.items()}

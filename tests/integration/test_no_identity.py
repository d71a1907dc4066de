"""Where nobody says who we are, each store's error says what it looked for: a file, a variable, a server, a setting."""

from __future__ import annotations

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import AuthenticationError, ConfigurationError, StoreUnavailableError
from virtrigaud_secrets.manifests import Catalog
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores import Fetch, RetryPolicy, StoreContext, registry
from virtrigaud_secrets.stores.references import KubernetesReferences
from virtrigaud_secrets.testing.contract import STORE
from virtrigaud_secrets.testing.servers import KeyVault

pytestmark = pytest.mark.integration

NOBODY = "http://127.0.0.1:1"
ACCOUNT = {"name": "provider"}
AWS = {"service": "SecretsManager", "region": "eu-west-1"}
AZURE = {"vaultUrl": "https://nobody.vault.azure.net"}
VAULT = {"server": "https://vault.invalid", "path": "secret"}
TOKEN_FILE = "serviceaccount/token"
EXPECTED = (AuthenticationError, ConfigurationError, StoreUnavailableError)
"""The last where a machine's own server might still come up."""
CASES = {
    "vault without auth": ("vault", VAULT, ["VAULT_TOKEN", "vault_token_file"]),
    "vault kubernetes": (
        "vault",
        {**VAULT, "auth": {"kubernetes": {"role": "r", "serviceAccountRef": ACCOUNT}}},
        [TOKEN_FILE, "service account contract/provider", "kubeconfig"],
    ),
    "vault kubernetes, the pod": ("vault", {**VAULT, "auth": {"kubernetes": {"role": "r"}}}, [TOKEN_FILE, "the pod's"]),
    "vault jwt": (
        "vault",
        {**VAULT, "auth": {"jwt": {"kubernetesServiceAccountToken": {"serviceAccountRef": ACCOUNT}}}},
        [TOKEN_FILE, "kubeconfig"],
    ),
    "vault iam": (
        "vault",
        {**VAULT, "auth": {"iam": {"vaultRole": "r"}}},
        ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"],
    ),
    "vault gcp": (
        "vault",
        {**VAULT, "auth": {"gcp": {"role": "r"}}},
        ["GOOGLE_APPLICATION_CREDENTIALS", "http://metadata.google.internal"],
    ),
    "openBao": ("openBao", {"server": "https://bao.invalid"}, ["VAULT_TOKEN"]),
    "aws": (
        "aws",
        AWS,
        ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "instance metadata"],
    ),
    "aws service account": (
        "aws",
        {**AWS, "auth": {"jwt": {"serviceAccountRef": ACCOUNT}}},
        [TOKEN_FILE, "kubeconfig"],
    ),
    "azure managed identity": ("azurekv", {**AZURE, "authType": "ManagedIdentity"}, ["metadata service"]),
    "azure workload identity": (
        "azurekv",
        {**AZURE, "authType": "WorkloadIdentity"},
        ["AZURE_CLIENT_ID"],
    ),
    "google": ("gcpsm", {"projectID": "p"}, ["GOOGLE_APPLICATION_CREDENTIALS", "http://metadata.google.internal"]),
    "google workload identity": (
        "gcpsm",
        {
            "projectID": "p",
            "auth": {"workloadIdentity": {"clusterLocation": "l", "clusterName": "c", "serviceAccountRef": ACCOUNT}},
        },
        ["GOOGLE_APPLICATION_CREDENTIALS", "service account contract/provider"],
    ),
    "kubernetes": ("kubernetes", {"server": {}}, ["serviceaccount", "kubeconfig"]),
    "kubernetes service account": (
        "kubernetes",
        {"server": {"url": "https://c.invalid"}, "auth": {"serviceAccount": ACCOUNT}},
        [TOKEN_FILE, "kubeconfig"],
    ),
}
"""Who would have to be told → backend, spec, and what the error has to name."""


@pytest.fixture
def vault():
    with KeyVault() as server:
        yield server


@pytest.mark.parametrize("case", CASES)
def test_the_error_names_what_is_missing(case, request, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    provider, spec, named = CASES[case]
    vault = request.getfixturevalue("vault") if provider == "azurekv" else None
    servers = ("http://metadata.google.internal", "http://169.254.169.254", "https://sts.eu-west-1.amazonaws.com")
    endpoints, ca_file = dict.fromkeys(servers, NOBODY), None
    if vault is not None:
        # The vault itself is there: it says first who may vouch for us.
        endpoints[AZURE["vaultUrl"]] = vault.address
        ca_file = tmp_path / "ca.pem"
        ca_file.write_bytes(vault.ca_pem)
    settings = Settings(endpoints=endpoints, ca_file=ca_file, service_account_directory=tmp_path / "serviceaccount")
    clock = SystemClock()
    references = KubernetesReferences(settings, catalog=Catalog(), clock=clock)
    context = StoreContext(
        store=STORE,
        namespace=STORE.namespace,
        settings=settings,
        clock=clock,
        references=references,
        retry=RetryPolicy(retries=0),
    )
    factory = registry.factory(provider)
    spec = factory.spec_model.model_validate(spec, by_alias=True, by_name=False)
    with factory.connect(spec, context) as client, pytest.raises(EXPECTED) as caught:
        client.get(Fetch(store=STORE, key="a"))
    said = str(caught.value)
    assert [name for name in named if name not in said] == [], said

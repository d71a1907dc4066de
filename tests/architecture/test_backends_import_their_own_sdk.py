"""A store loads its own vendor's SDK and nobody else's, from its first import to a client that was asked."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SDKS = {
    "hvac": "hvac",
    "boto3": "boto3",
    "botocore": "boto3",
    "azure.keyvault": "azure",
    "azure.identity": "azure",
    "msal": "azure",
    "google.auth": "google-auth",
    "google.cloud": "google",
    "grpc": "google",
    "kubernetes": "kubernetes",
    "jsonpath": "jsonpath",
    "spnego": "spnego",
}
"""Package → whose it is."""

NOWHERE = "https://127.0.0.1:1"
STATIC_KEYS = {
    "secretRef": {
        "accessKeyIDSecretRef": {"name": "s", "key": "k"},
        "secretAccessKeySecretRef": {"name": "s", "key": "k"},
    }
}
SPECS: dict[str, tuple[dict[str, object], set[str]]] = {
    "vault": ({"server": NOWHERE, "path": "secret"}, {"hvac"}),
    "openBao": ({"server": NOWHERE, "auth": {"tokenSecretRef": {"name": "s", "key": "k"}}}, {"hvac"}),
    "aws": ({"service": "SecretsManager", "region": "eu-west-1", "auth": STATIC_KEYS}, {"boto3"}),
    "azurekv": ({"vaultUrl": NOWHERE, "authType": "ManagedIdentity"}, {"azure"}),
    "gcpsm": ({"projectID": "p"}, {"google", "google-auth"}),
    "kubernetes": (
        {"server": {"url": NOWHERE}, "auth": {"token": {"bearerToken": {"name": "s", "key": "k"}}}},
        {"kubernetes", "google-auth"},  # that SDK itself imports google-auth where it is installed
    ),
    "webhook": ({"url": f"{NOWHERE}/{{{{ .remoteRef.key }}}}"}, {"jsonpath"}),
    "files": ({"path": "/nowhere"}, set()),
    "fake": ({"data": [{"key": "a", "value": "b"}]}, set()),
}
"""Backend → a spec of it, and whose packages it may load."""

PROGRAM = """
import json, sys
from datetime import timedelta
from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.stores import Fetch, RetryPolicy, StoreContext, StoreKey, registry
from virtrigaud_secrets.testing import NoReferences

class References(NoReferences):
    def secret_value(self, name, key, *, namespace):
        return Sensitive("value")

name, spec = sys.argv[1], json.loads(sys.argv[2])
factory = registry.factory(name)
imported = sorted(sys.modules)
key = StoreKey("SecretStore", "n", "s")
everything = ("http://169.254.169.254", "http://metadata.google.internal", "https://secretmanager.googleapis.com",
              "https://secretsmanager.eu-west-1.amazonaws.com")
settings = Settings(vault_token=Sensitive("t"), request_timeout=timedelta(seconds=0.3),
                    endpoints=dict.fromkeys(everything, "https://127.0.0.1:1"))
context = StoreContext(store=key, namespace="n", settings=settings, clock=SystemClock(), references=References(),
                       retry=RetryPolicy())
client = factory.connect(factory.spec_model.model_validate(spec), context)
try:
    client.get(Fetch(store=key, key="absent"))
except SecretsError as error:
    outcome = type(error).__name__
client.close()
print(json.dumps({"imported": imported, "asked": sorted(sys.modules), "outcome": outcome}))
"""


@pytest.fixture(scope="module", params=sorted(SPECS))
def loaded(request: pytest.FixtureRequest) -> tuple[str, dict[str, list[str]]]:
    spec, _ = SPECS[request.param]
    command = [sys.executable, "-c", PROGRAM, request.param, json.dumps(spec)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
    return request.param, json.loads(run.stdout)


def owners(modules: list[str]) -> set[str]:
    return {owner for package, owner in SDKS.items() if package in modules}


def test_importing_a_backend_loads_no_sdk(loaded):
    assert owners(loaded[1]["imported"]) == set()


def test_asking_a_backend_loads_its_own_sdk_only(loaded):
    name, modules = loaded
    allowed = SPECS[name][1]
    assert owners(modules["asked"]) <= allowed
    # It came as far as asking, so there was a reason to load something.
    assert modules["outcome"] in {"StoreUnavailableError", "AuthenticationError", "SecretNotFoundError"}
    assert owners(modules["asked"]) or allowed <= {"jsonpath"}


def test_every_backend_is_looked_at():
    from virtrigaud_secrets.stores.registry import BUILT_IN

    assert set(SPECS) == set(BUILT_IN)

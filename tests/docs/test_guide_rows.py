"""What the guide's manifests meet with ESO, and what is made of it here: the rows of ESO §5 that concern a resolve.

Rows that need a server's answer are in tests/integration/test_guide_as_written.py and the stores' own tests.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import ManifestError, StoreNotFoundError
from virtrigaud_secrets.manifests import inspect, load
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.repairs import (
    CLUSTER_PROJECT,
    GUIDE_SPELLING,
    LEASE_PROPERTIES,
    MOUNT_LOOKUP,
    OWN_IDENTITY,
    STORE_NAMESPACE,
)
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Fetch
from virtrigaud_secrets.stores.vault import FACTORY
from virtrigaud_secrets.testing.contract import STORE, store_context

GUIDE = Path(__file__).parents[1] / "data/guide"
PARAMETERS = {"pki/issue/virtrigaud": {"common_name": "provider.virtrigaud.local"}}
ALL = (
    "aws-provider-credentials",
    "azure-provider-secrets",
    "gcp-provider-secrets",
    "libvirt-ssh-keys",
    "provider-tls-certs",
    "vsphere-credentials",
    "vsphere-dynamic-credentials",
)


def plan(name, **settings):
    chosen = Settings(parameters=PARAMETERS, **settings)
    with Resolver(load(GUIDE), settings=chosen) as resolver:
        return resolver.plan(name)


def read(plan):
    return [(request.method, request.path) for request in plan.requests]


def test_row_1_v1beta1_is_read_as_v1():
    versions = {verdict.api_version for verdict in inspect(GUIDE).verdicts if verdict.kind == "ExternalSecret"}
    assert versions == {"external-secrets.io/v1beta1"}
    assert len(load(GUIDE).external_secrets) == len(ALL)


@pytest.mark.parametrize("name", ALL)
def test_row_2_stores_of_another_namespace(name):
    assert STORE_NAMESPACE in plan(name).repairs
    with pytest.raises(StoreNotFoundError, match=r"could not get SecretStore .* not found$"):
        plan(name, strict=True)
    with pytest.raises(StoreNotFoundError):
        plan(name, store_namespaces=("elsewhere",))


@pytest.mark.parametrize(
    ("name", "field"), [("aws-provider-credentials", "serviceAccount"), ("gcp-provider-secrets", "projectId")]
)
def test_rows_3_and_4_fields_that_the_guide_spells_otherwise(name, field):
    assert GUIDE_SPELLING in plan(name).repairs
    with pytest.raises(ManifestError, match=f"{field}: unknown field"):
        load(GUIDE, strict=True)


def test_rows_5_to_7_a_dynamic_role_and_its_lease():
    made = plan("vsphere-dynamic-credentials")
    assert {MOUNT_LOOKUP, LEASE_PROPERTIES} < set(made.repairs)
    # Three entries on one role are one request, so that user and password belong together.
    assert read(made) == [("GET", "vsphere/creds/dynamic-role"), ("GET", "secret/data/vsphere/static")]
    assert [request.side_effect for request in made.requests] == [True, False]


def vault(*, strict, version="v2", path="secret"):
    spec = VaultProvider.model_validate({"server": "https://v", "path": path, "version": version})
    context = store_context(settings=Settings(strict=strict))
    return lambda key, name="": (
        FACTORY.preview(spec, Fetch(store=STORE, key=key), context),
        FACTORY.property_repairs(spec, Fetch(store=STORE, key=key, property=name), context),
    )


def test_row_5_strict_reads_below_the_stores_path():
    preview, _ = vault(strict=True)("vsphere/creds/dynamic-role")
    assert (preview.method, preview.path, preview.repairs) == ("GET", "secret/data/vsphere/creds/dynamic-role", ())


def test_row_7_strict_knows_no_properties_of_a_lease():
    dynamic = {"version": "v1", "path": "vsphere"}
    assert vault(strict=False, **dynamic)("vsphere/creds/r", "lease_duration")[1] == (LEASE_PROPERTIES,)
    assert vault(strict=True, **dynamic)("vsphere/creds/r", "lease_duration")[1] == ()
    assert vault(strict=False, **dynamic)("vsphere/creds/r", "username")[1] == ()
    assert vault(strict=False)("secret/data/a", "lease_duration")[1] == ()


def test_row_9_a_certificate_is_one_post():
    made = plan("provider-tls-certs")
    assert read(made) == [("POST", "pki/issue/virtrigaud")]
    assert made.requests[0].fetch.parameters == (("common_name", '"provider.virtrigaud.local"'),)
    preview, _ = vault(strict=True)("pki/issue/virtrigaud")
    assert (preview.method, preview.path) == ("GET", "secret/data/pki/issue/virtrigaud")


def test_row_12_what_no_template_names_is_not_in_the_secret():
    with Resolver(load(GUIDE), settings=Settings()) as resolver:
        told = resolver.explain("vsphere-credentials")
    assert sorted(output.key for output in told.outputs) == ["ca.crt", "password", "server", "username"]


def test_row_13_a_certificates_secret_is_read_as_it_is():
    assert ("GetSecret", "secrets/azure-client-cert") in read(plan("azure-provider-secrets"))


def test_row_18_what_is_no_manifest_is_passed_over_with_a_note():
    report = inspect(GUIDE)
    assert not report.errors


def test_row_25_an_explicit_latest_is_the_latest():
    assert all(path.endswith("/versions/latest") for _, path in read(plan("gcp-provider-secrets")))


def test_ids_beyond_the_guides_rows_are_off_in_strict_mode():
    from virtrigaud_secrets.models.backends.gcpsm import GCPSMProvider
    from virtrigaud_secrets.models.backends.kubernetes import KubernetesProvider
    from virtrigaud_secrets.stores import registry

    google = GCPSMProvider.model_validate(
        {"projectID": "p", "auth": {"workloadIdentity": {"serviceAccountRef": {"name": "sa"}}}}
    )
    for backend, spec, repair in (
        ("gcpsm", google, CLUSTER_PROJECT),
        ("kubernetes", KubernetesProvider(), OWN_IDENTITY),
    ):
        for strict in (False, True):
            context = store_context(settings=Settings(strict=strict))
            made = registry.factory(backend).preview(spec, Fetch(store=STORE, key="k"), context)
            assert (repair in made.repairs) is not strict

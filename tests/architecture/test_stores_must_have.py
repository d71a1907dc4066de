"""Each thing that a store must have, tied to the tests that prove it, so that one that is renamed or gone is missed."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MUST_HAVE: dict[str, dict[str, tuple[str, ...]]] = {
    "every store": {
        "get, property, map, metadata, not found, hidden values, close": (
            "contract/test_vault.py",
            "contract/test_aws.py",
            "contract/test_azure.py",
            "contract/test_gcp.py",
            "contract/test_kubernetes.py",
            "contract/test_webhook.py",
            "contract/test_fake.py",
            "contract/test_files.py",
        ),
        "faults": (
            "integration/test_fault_matrix.py::test_a_fault_is_a_clear_error_in_time",
            "integration/test_fault_matrix.py::test_a_fault_that_passes_is_not_noticed",
            "integration/test_fault_matrix.py::test_every_store_that_talks_to_a_server_is_a_column",
            "integration/test_fault_matrix.py::test_a_name_that_does_not_resolve",
            "integration/test_fault_matrix.py::test_a_certificate_that_nobody_trusts",
            "integration/test_login_faults.py::test_a_login_that_fails_is_told_in_time_and_heals",
        ),
        "nothing made twice": (
            "integration/test_fault_matrix.py::test_what_vault_made_is_not_made_twice",
            "integration/test_fault_matrix.py::test_what_a_webhook_may_have_made_is_not_made_twice",
        ),
        "credentials that end in mid-flight": (
            "integration/test_fault_matrix.py::test_credentials_that_end_in_mid_flight_are_replaced",
        ),
        "who we are, explained where nothing says it": (
            "integration/test_no_identity.py::test_the_error_names_what_is_missing",
        ),
        "requests counted for the guide's manifests": (
            "integration/test_cost.py::test_vault",
            "integration/test_cost.py::test_aws",
            "integration/test_cost.py::test_azure",
            "integration/test_cost.py::test_google",
        ),
        "one client for each identity": (
            "unit/resolver/test_connections.py::test_a_store_has_one_client_whoever_asks",
            "unit/resolver/test_connections.py::test_a_cluster_store_is_another_identity_for_each_namespace_that_matters",
            "integration/test_guide_as_written.py::test_one_login_serves_all_manifests",
        ),
        "its own SDK only": ("architecture/test_backends_import_their_own_sdk.py",),
        "third-party stores": (
            "docs/test_third_party_store.py::test_its_own_tests_pass",
            "docs/test_third_party_store.py::test_a_manifest_is_resolved_through_it",
        ),
    },
    "vault, openBao": {
        "token": ("integration/vault/test_logins.py::test_a_token_from_a_secret_and_from_settings",),
        "appRole": ("integration/vault/test_logins.py::test_app_role",),
        "kubernetes, TokenReview by a real cluster": (
            "integration/kubernetes/test_vault_login.py::test_a_requested_token_logs_in_as_the_account_that_the_store_names",
            "integration/kubernetes/test_vault_login.py::test_in_a_pod_its_own_token_logs_in",
        ),
        "ldap, a real directory": ("integration/vault/test_auth_methods.py::test_a_user_of_a_directory",),
        "userPass": ("integration/vault/test_auth_methods.py::test_user_and_password",),
        "jwt": (
            "integration/vault/test_auth_methods.py::test_a_jwt_of_a_service_account",
            "integration/vault/test_auth_methods.py::test_a_jwt_from_a_secret",
        ),
        "cert": ("integration/vault/test_auth_methods.py::test_a_certificate",),
        # OpenBao has neither cloud's method: what is sent is proved against the clouds' own libraries.
        "iam": (
            "unit/stores/vault/test_auth_methods.py::test_iam",
            "unit/stores/vault/test_aws_identity.py::test_aws_own_library_signs_the_same",
        ),
        "gcp": ("integration/vault/test_gcp_login.py::test_each_identity_logs_in_and_reads",),
        "openBao by role and token": ("integration/vault/test_auth_methods.py::test_openbao_by_role_and_by_token",),
        "namespaces": (
            "integration/vault/test_connections.py::test_each_namespace_has_its_own_engine",
            "integration/vault/test_connections.py::test_a_login_in_a_namespace_of_its_own",
        ),
        "headers": ("integration/vault/test_connections.py::test_headers_of_the_manifest_arrive",),
        "read-your-writes": ("unit/stores/vault/test_transport.py::test_own_writes_are_read",),
        "client certificates": (
            "integration/vault/test_connections.py::test_the_certificate_of_the_connection",
            "integration/vault/test_connections.py::test_without_the_right_certificate_nothing_is_said",
        ),
        "push with check-and-set": (
            "integration/vault/test_push.py::test_of_two_that_write_at_once_one_is_told",
            "integration/vault/test_push.py::test_version_1_keeps_the_mark_beside_the_data",
        ),
        "KV versions and metadata": (
            "integration/vault/test_secrets.py::test_deleted_destroyed_missing_and_mistaken_are_told_apart",
            "unit/stores/vault/test_client.py::test_a_version_is_asked_for",
            "unit/stores/vault/test_client.py::test_metadata_is_read",
        ),
        "list and find": (
            "integration/vault/test_find.py::test_by_name_and_path",
            "integration/vault/test_find.py::test_by_tags",
        ),
    },
    "aws": {
        "Secrets Manager": (
            "integration/aws/test_reads.py::TestSecretsManager",
            "integration/aws/test_push.py::TestSecretsManager",
        ),
        "Parameter Store": (
            "integration/aws/test_reads.py::TestParameterStore",
            "integration/aws/test_push.py::TestParameterStore",
        ),
        "web identity by token file": ("integration/aws/test_logins.py::test_no_auth_is_the_pods_web_identity",),
        "web identity by TokenRequest": (
            "integration/aws/test_logins.py::test_a_token_request_asks_for_stss_audience",
        ),
        "pod identity": ("integration/aws/test_pod_identity.py::test_the_pod_is_who_the_agent_says",),
        "secretRef": ("integration/aws/test_logins.py::test_static_keys_sign_as_they_are",),
        "role chains, external ids, session tags": (
            "integration/aws/test_logins.py::test_roles_are_assumed_one_after_the_other",
            "integration/aws/test_logins.py::test_esos_own_session_tags",
        ),
        "prefix": (
            "integration/aws/test_push.py::TestSecretsManager::test_the_prefix_goes_before_every_key",
            "integration/aws/test_reads.py::TestSecretsManager::test_find_by_name_puts_the_prefix_before_full_names_as_eso_does",
        ),
        "stages and uuid/ versions": ("integration/aws/test_reads.py::TestSecretsManager::test_stages_and_ids",),
        "binary secrets": ("integration/aws/test_reads.py::TestSecretsManager::test_bytes_are_as_they_were",),
        "tags": (
            "integration/aws/test_reads.py::TestSecretsManager::test_tags",
            "integration/aws/test_reads.py::TestParameterStore::test_tags",
        ),
        "batches, counted": (
            "integration/aws/test_reads.py::TestSecretsManager::test_n_secrets_cost_a_call_for_each_twenty",
            "integration/aws/test_reads.py::TestParameterStore::test_n_parameters_cost_a_call_for_each_ten",
        ),
        "the guide's manifests": ("integration/aws/test_guide.py::test_two_secrets_cost_one_login_and_one_call",),
    },
    "azurekv": {
        "secrets, keys, certificates": (
            "integration/azure/test_push.py::test_each_kind_is_written_read_and_deleted_over_the_wire",
            "integration/azure/test_sdk.py::test_keys_and_certificates",
        ),
        "ManagedIdentity": (
            "integration/azure/test_guide_as_written.py::test_they_resolve_by_managed_identity",
            "integration/azure/test_logins.py::test_a_user_assigned_identity",
        ),
        "ServicePrincipal by secret": ("integration/azure/test_logins.py::test_a_client_secret_of_a_cluster_store",),
        "ServicePrincipal by certificate": ("integration/azure/test_logins.py::test_a_client_certificate",),
        "WorkloadIdentity": (
            "integration/azure/test_logins.py::test_the_pods_workload_identity_from_its_environment",
            "integration/azure/test_cluster.py::test_the_account_that_the_store_names_logs_in",
        ),
        "sovereign clouds": (
            "integration/azure/test_clouds.py::test_a_principal_logs_in_at_the_clouds_own_server",
            "integration/azure/test_clouds.py::test_an_azure_stack_by_its_addresses",
        ),
        "versions": ("unit/stores/azure/test_client.py::test_versions",),
        "tags": (
            "integration/azure/test_data_from.py::test_one_tag",
            "integration/azure/test_data_from.py::test_extract_of_metadata",
        ),
        "enabled and disabled": (
            "integration/azure/test_sdk.py::test_a_disabled_secret",
            "unit/stores/azure/test_pushes.py::test_a_disabled_secret_is_there",
        ),
        "challenge, paging, soft-deleted, throttling": (
            "unit/testing/servers/test_key_vault.py::test_nobody_gets_a_challenge",
            "integration/azure/test_sdk.py::test_lists_have_pages",
            "integration/azure/test_push.py::test_a_deleted_name_comes_back_for_its_owner",
            "integration/azure/test_faults.py::test_throttling_with_and_without_a_time",
        ),
        "push": ("integration/azure/test_push.py", "contract/test_azure.py::TestPushToKeyVault"),
    },
    "gcpsm": {
        "workload identity": (
            "integration/gcp/test_workload_identity.py::test_the_cluster_vouches_for_the_account",
            "integration/gcp/test_workload_identity.py::test_its_annotation_says_for_whom_it_acts",
        ),
        "federation": (
            "unit/stores/gcp/test_logins.py::test_federation_by_a_service_account",
            "unit/stores/gcp/test_logins.py::test_federation_by_an_aws_identity",
            "unit/stores/gcp/test_logins.py::test_federation_by_a_configuration",
        ),
        "service account keys": ("unit/stores/gcp/test_logins.py::test_a_service_accounts_key_is_read_at_every_login",),
        "default credentials": (
            "unit/stores/gcp/test_logins.py::test_a_file_goes_before_the_metadata_server",
            "integration/gcp/test_guide.py::test_in_a_pod_it_costs_one_login_and_one_read_for_each_secret",
        ),
        "regional endpoints": (
            "integration/gcp/test_resolving.py::test_a_regional_secret_is_asked_for_at_its_regions_own_address",
        ),
        "versions and LatestOrFetch": (
            "unit/stores/gcp/test_client.py::test_a_version_is_read_by_number_and_by_alias",
            "integration/gcp/test_resolving.py::test_what_was_switched_off_is_passed_over_by_policy_only",
        ),
        "labels and annotations": ("integration/gcp/test_resolving.py::test_metadata",),
        "REST and gRPC": ("integration/gcp/test_grpc.py::test_the_clients_default_transport_is_answered",),
        "push": ("integration/gcp/test_push.py", "contract/test_gcp.py::TestPushToGcp"),
    },
    "kubernetes": {
        "in-cluster": ("integration/kubernetes/test_secrets.py::test_a_pod_in_its_own_cluster",),
        "kubeconfig": (
            "integration/kubernetes/test_secrets.py::test_a_kubeconfig_in_a_secret",
            "integration/kubernetes/test_secrets.py::test_a_kubeconfig_of_this_process",
        ),
        "token": ("integration/kubernetes/test_secrets.py::test_a_token",),
        "service account by TokenRequest": (
            "integration/kubernetes/test_secrets.py::test_a_service_account_by_token_request",
        ),
        "cert": ("integration/kubernetes/test_secrets.py::test_a_certificate",),
        "metadata": ("integration/kubernetes/test_secrets.py::test_metadata",),
        "find": ("integration/kubernetes/test_secrets.py::test_found_by_labels_and_by_name_over_several_pages",),
        "caProvider": (
            "integration/kubernetes/test_secrets.py::test_an_authority_by_reference_and_an_address_overridden",
        ),
        "references by ESO's namespace rules": (
            "unit/stores/test_selectors.py",
            "integration/kubernetes/test_references.py::test_what_the_cluster_does_not_have_is_named",
        ),
        "RBAC": (
            "integration/kubernetes/test_references.py::test_a_client_certificate_reads_what_rbac_grants_and_nothing_else",
            "integration/kubernetes/test_secrets.py::test_what_rbac_does_not_grant_is_denied_and_not_missing",
        ),
        "push, sources by label": (
            "integration/kubernetes/test_push.py::test_of_two_that_write_at_once_one_is_told",
            "integration/kubernetes/test_references.py::test_a_push_selects_secrets_of_the_cluster_by_label",
        ),
    },
    "webhook": {
        "templates in url, body and headers": (
            "integration/webhook/test_secrets.py::test_from_manifest_to_bundle",
            "integration/webhook/test_secrets.py::test_a_body_is_posted",
        ),
        "result jsonPath": ("unit/stores/webhook/test_payload.py::test_what_a_path_finds",),
        "auth": (
            "integration/webhook/test_ntlm.py::test_a_manifest_logs_in_and_reads",
            "integration/webhook/test_secrets.py::test_a_refused_login",
        ),
        "TLS": ("integration/webhook/test_secrets.py::test_a_server_that_is_not_trusted_is_told_nothing",),
        "push": ("integration/webhook/test_push.py", "contract/test_webhook.py::TestPushToWebhook"),
    },
}
"""Store → what it must have → tests, by their ids below `tests/`: a file or a class stands for all in it."""


def _ids() -> list[str]:
    return sorted({one for needs in MUST_HAVE.values() for tests in needs.values() for one in tests})


@cache
def _defined(file: str) -> frozenset[str]:
    """Functions and methods of a file as ids have them."""
    tree = ast.parse((ROOT / "tests" / file).read_text())
    found = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return frozenset(found)


@pytest.mark.parametrize("one", _ids())
def test_a_test_that_proves_it_is_there(one: str) -> None:
    file, _, name = one.partition("::")
    assert (ROOT / "tests" / file).is_file()
    assert not name or name in _defined(file)


def test_every_need_names_a_proof() -> None:
    assert all(tests for needs in MUST_HAVE.values() for tests in needs.values())


def test_all_of_them_collect() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, *(f"tests/{one}" for one in _ids())], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]

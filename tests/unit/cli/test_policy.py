"""`policy` prints what was derived; what is derived is tested beside `operations.policy`."""

import json

import pytest

from virtrigaud_secrets.cli.exit_codes import ExitCode

MANIFESTS = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: store, namespace: ns}
spec: {provider: {vault: {server: "https://vault", path: secret, auth: {tokenSecretRef: {name: t, key: t}}}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: a, namespace: ns}
spec: {secretStoreRef: {name: store}, data: [{secretKey: a, remoteRef: {key: one}}]}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: b, namespace: ns}
spec: {secretStoreRef: {name: store}, data: [{secretKey: a, remoteRef: {key: db/static-creds/x}}]}
"""
HCL = """\
# What the login of SecretStore ns/store at https://vault needs.

# ExternalSecret ns/a
path "secret/data/one" {
  capabilities = ["read"]
}
"""


@pytest.fixture
def manifests(tmp_path):
    (tmp_path / "all.yaml").write_text(MANIFESTS)
    return str(tmp_path / "all.yaml")


def test_one_policy_is_printed_as_its_platform_reads_it(run, manifests):
    assert run("policy", manifests, "a", "--platform", "vault") == (ExitCode.OK, HCL, "")


def test_json(run, manifests):
    code, out, err = run("policy", manifests, "-n", "ns", "--platform", "vault", "--format", "json")
    (policy,) = json.loads(out)["policies"]
    assert code == ExitCode.OK
    assert (policy["platform"], policy["file"]) == ("vault", "vault-ns-store.hcl")
    assert set(policy["policy"]["path"]) == {"secret/data/one", "secret/data/db/static-creds/x"}
    assert policy["notes"][0] in err


def test_files(run, manifests, tmp_path):
    code, out, _ = run("policy", manifests, "a", "--output", str(tmp_path / "out"), "--platform", "vault")
    assert (code, out) == (ExitCode.OK, "")
    assert (tmp_path / "out/vault-ns-store.hcl").read_text() == HCL


def test_a_directory_that_cannot_be_written(run, manifests):
    code, _, err = run("policy", manifests, "a", "--output", manifests, "--platform", "vault")
    assert code == ExitCode.CONFIGURATION
    assert "cannot write" in err


def test_mounts(run, manifests):
    code, out, err = run("policy", manifests, "b", "--mount", "/db/=database", "--platform", "vault")
    assert (code, err) == (ExitCode.OK, "")
    assert 'path "db/static-creds/x" {' in out


@pytest.mark.parametrize("word", ["db", "=kv", "db="])
def test_a_wrong_mount_is_a_usage_error(run, manifests, word):
    assert run("policy", manifests, "--mount", word)[0] == ExitCode.USAGE


def test_a_store_without_policies_is_a_remark(run, path):
    code, out, err = run("policy", path, "good", "-n", "ns")
    assert (code, out) == (ExitCode.OK, "")
    assert "SecretStore ns/dev" in err


def test_another_namespace(run, manifests):
    assert run("policy", manifests, "-n", "nowhere")[0] == ExitCode.MANIFEST


def test_what_cannot_be_planned_fails_after_the_rest_was_printed(run, manifests, tmp_path):
    (tmp_path / "all.yaml").write_text(
        MANIFESTS.replace(
            "{name: store}, data: [{secretKey: a, remoteRef: {key: db",
            "{name: lost}, data: [{secretKey: a, remoteRef: {key: db",
        )
    )  # one change
    code, out, err = run("policy", manifests, "--platform", "vault")
    assert (code, out) == (ExitCode.MANIFEST, HCL)
    assert "lost" in err


@pytest.mark.parametrize("word", ["team", "/a", "team/"])
def test_a_wrong_account_is_a_usage_error(run, manifests, word):
    assert run("policy", manifests, "--service-account", word)[0] == ExitCode.USAGE


def test_verdicts(run, manifests, monkeypatch):
    from virtrigaud_secrets.errors import AccessDeniedError
    from virtrigaud_secrets.operations.policy import verification
    from virtrigaud_secrets.operations.policy.verification import Verdict

    verdicts = [Verdict(policy="one", identity="who")]
    monkeypatch.setattr(verification, "verify", lambda *_, **__: verdicts)
    assert run("policy", manifests, "--verify") == (ExitCode.OK, "one: who: as needed\n", "")
    verdicts.append(Verdict(policy="two", identity="who", lacking=("read on a",), excess=("list on b",)))
    code, out, _ = run("policy", manifests, "--verify")
    assert code == ExitCode.INVALID
    assert out.endswith("two: who: not as needed\n  lacks: read on a\n  too much: list on b\n")
    code, out, _ = run("policy", manifests, "--verify", "--format", "json")
    assert [one["lacking"] for one in json.loads(out)["verdicts"]] == [[], ["read on a"]]
    verdicts.append(Verdict(policy="three", identity="who", error=AccessDeniedError("no")))
    assert run("policy", manifests, "--verify")[0] == ExitCode.STORE

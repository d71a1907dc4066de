"""Rules for requests. That they are enough, and none too many, is told by a real server in tests/integration."""

import json

import pytest

from virtrigaud_secrets.errors import InvalidRequestError
from virtrigaud_secrets.operations.policy.vault import policy_of
from virtrigaud_secrets.settings import Settings

TOKEN = "{tokenSecretRef: {name: t, key: t}}"
LOGIN = "{appRole: {roleId: x, secretRef: {name: s, key: k}}}"


@pytest.fixture
def vault(write):
    def make(*, version="v2", auth=LOGIN):
        return write.store(f"{{vault: {{server: 'https://vault', path: secret, version: {version}, auth: {auth}}}}}")

    return make


def paths(policy):
    return {path: rule["capabilities"] for path, rule in policy.document["path"].items()}


def issue(**parameters):
    return Settings(parameters={"pki/issue/web": {"common_name": "a.example", **parameters}})


def test_the_text_is_stable_and_sorted(demand, write, vault):
    texts = [write.read("b", name="one"), write.read("a", name="two")]
    first = policy_of(demand(vault(), *texts)).text
    assert first == policy_of(demand(vault(), *reversed(texts))).text
    assert first.index("secret/data/a") < first.index("secret/data/b")
    assert first.startswith("# What the login of SecretStore team/store at https://vault needs.\n\n# ")
    assert 'path "secret/data/a" {\n  capabilities = ["read"]\n}\n' in first


@pytest.mark.parametrize(
    ("version", "key", "more", "wanted"),
    [
        ("v2", "app", {}, "secret/data/app"),
        ("v1", "app", {}, "secret/app"),
        ("v2", "app", {"metadataPolicy": "Fetch"}, "secret/metadata/app"),
        ("v2", "secret/data/app", {"version": "'3'"}, "secret/data/app"),
    ],
)
def test_reads_of_the_kv_engine(demand, write, vault, version, key, more, wanted):
    policy = policy_of(demand(vault(version=version), write.read(key, **more)))
    assert paths(policy) == {"auth/token/revoke-self": ["update"], wanted: ["read"]}


@pytest.mark.parametrize(
    ("version", "find", "wanted"),
    [
        ("v2", "name: {regexp: x}", {"secret/data/*": ["read"], "secret/metadata/*": ["list"]}),
        ("v2", "name: {regexp: ^app/o}", {"secret/data/app/o*": ["read"], "secret/metadata/*": ["list"]}),
        (
            "v2",
            "path: app, name: {regexp: ^app/o}",
            {"secret/data/app/o*": ["read"], "secret/metadata/app/*": ["list"]},
        ),
        ("v2", "path: app, name: {regexp: ^db}", {"secret/data/app/*": ["read"], "secret/metadata/app/*": ["list"]}),
        ("v2", "tags: {a: b}", {"secret/data/*": ["read"], "secret/metadata/*": ["read", "list"]}),
        ("v1", "path: /app/, name: {regexp: x}", {"secret/app/*": ["read", "list"]}),
    ],
)
def test_searches(demand, write, vault, version, find, wanted):
    policy = policy_of(demand(vault(version=version), write.find(find)))
    assert paths(policy) == {"auth/token/revoke-self": ["update"], **wanted}


def test_leases_and_the_logins_they_hang_on(demand, write, vault):
    policy = policy_of(demand(vault(), write.read("db/creds/app")))
    assert paths(policy) == {
        "auth/token/renew-self": ["update"],
        "auth/token/revoke-self": ["update"],
        "db/creds/app": ["read"],
        "sys/leases/lookup": ["update"],
        "sys/leases/renew": ["update"],
    }
    assert policy.notes == ()


def test_a_given_token_is_asked_about_and_left_alone(demand, write, vault):
    policy = policy_of(demand(vault(auth=TOKEN), write.read("db/creds/app")))
    assert set(paths(policy)) == {
        "auth/token/lookup-self",
        "auth/token/renew-self",
        "db/creds/app",
        "sys/leases/lookup",
        "sys/leases/renew",
        "sys/leases/revoke",
    }
    assert set(paths(policy_of(demand(vault(auth=TOKEN), write.read("app"))))) == {"secret/data/app"}


def test_what_the_default_policy_grants_may_be_left_out(demand, write, vault):
    policy = policy_of(demand(vault(), write.read("db/creds/app")), default_policy=True)
    assert set(paths(policy)) == {"db/creds/app"}


def test_parameters_are_limited_to_what_is_sent(demand, write, vault):
    settings = issue(ttl="24h", no_store=True, number=1)
    policy = policy_of(demand(vault(), write.read("pki/issue/web"), settings=settings))
    assert policy.document["path"]["pki/issue/web"] == {
        "capabilities": ["update"],
        "allowed_parameters": {"common_name": ["a.example"], "no_store": [True], "number": [], "ttl": ["24h"]},
    }
    assert '    "ttl" = ["24h"]\n' in policy.text
    assert "sys/leases/revoke" not in policy.document["path"]


def test_lists_are_sent_and_allowed_as_one_text(demand, write, vault):
    settings = issue(alt_names=["b.example", "c.example"])
    policy = policy_of(demand(vault(), write.read("pki/issue/web"), settings=settings))
    allowed = policy.document["path"]["pki/issue/web"]["allowed_parameters"]
    assert allowed["alt_names"] == ["b.example,c.example"]


def test_a_star_in_a_value_is_told(demand, write, vault):
    settings = Settings(parameters={"pki/issue/web": {"common_name": "*.example"}})
    policy = policy_of(demand(vault(), write.read("pki/issue/web"), settings=settings))
    assert "common_name" in policy.notes[0]
    assert "# Note: " in policy.text


def test_requests_that_share_a_rule_are_told(demand, write, vault):
    note = json.dumps({"pki/issue/web": {"common_name": "b.example", "ttl": "1h"}})
    annotated = f"namespace: team, annotations: {{secrets.virtrigaud.io/parameters: '{note}'}}}}"
    other = write.read("pki/issue/web", name="other").replace("namespace: team}", annotated, 1)
    policy = policy_of(demand(vault(), write.read("pki/issue/web"), other, settings=issue(ttl="24h")))
    assert policy.document["path"]["pki/issue/web"]["allowed_parameters"] == {
        "common_name": ["a.example", "b.example"],
        "ttl": ["1h", "24h"],
    }
    assert any("mixed" in note for note in policy.notes)


def test_an_endpoint_without_parameters_takes_none(demand, write, vault):
    policy = policy_of(demand(vault(), write.read("ssh/creds/otp")))
    assert policy.document["path"]["ssh/creds/otp"] == {
        "capabilities": ["update"],
        "denied_parameters": {"*": []},
    }
    assert '  denied_parameters = {\n    "*" = []\n  }\n' in policy.text


def test_certificates_keep_the_login_alive_so_leases_are_ended_one_by_one(demand, write, vault):
    texts = (write.read("pki/issue/web"), write.read("db/creds/app", name="b"))
    policy = policy_of(demand(vault(), *texts, settings=issue()))
    assert policy.document["path"]["sys/leases/revoke"] == {"capabilities": ["update"]}


def test_a_mount_that_is_told_decides(demand, write, vault):
    found = demand(vault(), write.read("team/static-creds/app"))
    assert set(paths(policy_of(found))) >= {"secret/data/team/static-creds/app"}
    assert "--mount" in policy_of(found).notes[0]
    told = policy_of(found, mounts={"team": "database"})
    assert set(paths(told)) == {"auth/token/revoke-self", "team/static-creds/app"}
    assert set(paths(policy_of(found, mounts={"team": "kv-v1"}))) >= {"team/static-creds/app"}
    assert set(paths(policy_of(found, mounts={"team": "kv"}))) >= {"team/data/static-creds/app"}
    assert policy_of(found, mounts={"other": "kv"}) == policy_of(found)


@pytest.mark.parametrize("key", ["app/*", "a/+/b", "a/{{x}}", "a/${x}"])
def test_a_path_that_means_more_is_left_out(demand, write, vault, key):
    policy = policy_of(demand(vault(), write.read(f"secret/{key}")))
    assert paths(policy) == {}
    assert "by hand" in policy.notes[0]


@pytest.mark.parametrize("path", ["a/+", "+", "a/{{identity.entity.id}}", "a/${b}"])
def test_a_search_below_a_path_that_means_more_is_left_out(demand, write, vault, path):
    policy = policy_of(demand(vault(), write.find(f"path: '{path}', name: {{regexp: .*}}")))
    assert not [found for found in policy.document["path"] if found != "auth/token/revoke-self"]
    assert any("no policy can name what is below" in note for note in policy.notes)


def test_pushes(demand, write, vault):
    text = write.push("deletionPolicy: Delete, data: [{match: {secretKey: a, remoteRef: {remoteKey: r}}}]")
    policy = policy_of(demand(vault(auth=TOKEN), text))
    assert paths(policy) == {
        "secret/data/r": ["read", "update"],
        "secret/metadata/r": ["create", "read", "update", "delete"],
    }
    policy = policy_of(demand(vault(auth=TOKEN, version="v1"), text))
    assert paths(policy) == {"secret/r": ["create", "read", "update", "delete"]}


def test_an_openbao_store(demand, write):
    bao = write.store("{openBao: {server: 'https://bao', auth: {userPass: {username: u, secretRef: {name: p}}}}}")
    policy = policy_of(demand(bao, write.read("app")))
    assert paths(policy) == {"auth/token/revoke-self": ["update"], "kv/data/app": ["read"]}
    policy = policy_of(demand(bao, write.find("name: {regexp: x}")))
    assert paths(policy)["kv/metadata/*"] == ["list"]
    with pytest.raises(InvalidRequestError, match="only reads"):
        policy_of(demand(bao, write.push()))


def test_a_generator(demand):
    text = """
apiVersion: generators.external-secrets.io/v1alpha1
kind: VaultDynamicSecret
metadata: {name: made, namespace: team}
spec: {path: aws/sts/deploy, method: POST, parameters: {ttl: 15m},
       provider: {server: 'https://vault', namespace: ns1, auth: {tokenSecretRef: {name: t, key: t}}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: es, namespace: team}
spec: {dataFrom: [{sourceRef: {generatorRef: {kind: VaultDynamicSecret, name: made}}}]}
"""
    policy = policy_of(demand(text))
    assert policy.identity == "the login of VaultDynamicSecret team/made at https://vault in namespace ns1"
    assert policy.document["path"]["aws/sts/deploy"] == {
        "capabilities": ["update"],
        "allowed_parameters": {"ttl": ["15m"]},
    }

import pytest

from virtrigaud_secrets.errors import (
    AuthenticationError,
    ConfigurationError,
)
from virtrigaud_secrets.stores.vault.auth_methods import _MAKERS, METHODS, GivenToken, LoginRequest, login_of
from virtrigaud_secrets.stores.vault.login import Tokens
from virtrigaud_secrets.stores.vault.transport import Transport

KUBERNETES = {"kubernetes": {"role": "virtrigaud-role", "serviceAccountRef": {"name": "external-secrets"}}}
APP_ROLE = {"appRole": {"roleId": " role-id\n", "secretRef": {"name": "vault", "key": "secret-id"}}}
LOGIN = "auth/kubernetes/login"


def granted(server, token="own-1", life=100, **fields):
    return server.say(200, {"auth": {"client_token": token, "lease_duration": life} | fields})


@pytest.fixture
def make(make_spec, make_context, server):
    def make(auth, *, namespace=None, **context):
        spec = make_spec(auth=auth)
        made = make_context(**context)
        return Tokens(login_of(spec, made), Transport(spec, made), made, namespace=namespace)

    return make


def test_kubernetes(make, server, cluster):
    server.on("POST", LOGIN, granted(server))
    token = make(KUBERNETES).current()
    assert (token.value.reveal(), token.own, token.generation) == (b"own-1", True, 1)
    (seen,) = server.seen
    assert seen.body == {"role": "virtrigaud-role", "jwt": "jwt-of-the-pod"}
    assert seen.token == ""
    assert cluster.asked == [("token", "team", "external-secrets")]


def test_fault_22_the_next_login_takes_the_rotated_service_account_token(make, server, cluster, clock):
    server.on("POST", LOGIN, granted(server), granted(server, token="own-2"))
    cluster.tokens[:] = ["jwt-of-the-pod", "jwt-after-its-rotation"]
    tokens = make(KUBERNETES)
    tokens.current()
    clock.advance(66)
    assert tokens.current().value.reveal() == b"own-2"
    assert [request.body["jwt"] for request in server.seen] == ["jwt-of-the-pod", "jwt-after-its-rotation"]


def test_kubernetes_with_a_token_from_a_secret(make, server, cluster):
    cluster.secrets = {("team", "jwt", "token"): "from-secret\n"}
    server.on("POST", "auth/k8s/prod/login", granted(server))
    make({"kubernetes": {"mountPath": "/k8s/prod/", "role": "r", "secretRef": {"name": "jwt"}}}).current()
    assert server.seen[0].body == {"role": "r", "jwt": "from-secret"}


def test_kubernetes_with_the_pods_own_account(make, server, cluster):
    server.on("POST", LOGIN, granted(server))
    make({"kubernetes": {"role": "r"}}).current()
    assert cluster.asked == [("token", "team", "")]


def test_app_role(make, server, cluster):
    cluster.secrets = {("team", "vault", "secret-id"): "sid\n"}
    server.on("POST", "auth/approle/login", granted(server))
    make(APP_ROLE).current()
    assert server.seen[0].body == {"role_id": "role-id", "secret_id": "sid"}


def test_app_role_with_both_from_secrets(make, server, cluster):
    cluster.secrets = {("team", "vault", "role"): "rid", ("team", "vault", "sid"): "sid"}
    server.on("POST", "auth/other/login", granted(server))
    make(
        {
            "appRole": {
                "path": "other",
                "roleRef": {"name": "vault", "key": "role"},
                "secretRef": {"name": "vault", "key": "sid"},
            }
        }
    ).current()
    assert server.seen[0].body == {"role_id": "rid", "secret_id": "sid"}


def test_app_role_needs_a_role(make_spec, make_context):
    with pytest.raises(ConfigurationError, match="roleId or roleRef"):
        login_of(make_spec(auth={"appRole": {"secretRef": {"name": "vault", "key": "sid"}}}), make_context())


def test_the_login_has_a_namespace_of_its_own(make, server):
    server.on("POST", LOGIN, granted(server))
    make(KUBERNETES, namespace="admin").current()
    assert server.seen[0].headers["X-Vault-Namespace"] == "admin"


def test_a_token_from_a_secret(make, server, cluster):
    cluster.secrets = {("team", "vault", "token"): "given\n"}
    token = make({"tokenSecretRef": {"name": "vault", "key": "token"}}).current()
    assert (token.value.reveal(), token.own, token.life) == (b"given", False, None)
    assert server.seen == []


def test_without_auth_the_settings_token_counts(make):
    assert make(None).current().value.reveal() == b"root-token"
    assert make({}).current().value.reveal() == b"root-token"


def test_without_auth_a_token_file_counts_and_is_read_anew(make, tmp_path):
    path = tmp_path / "token"
    path.write_text("first\n")
    tokens = make(None, token="", vault_token_file=path)
    first = tokens.current()
    path.write_text("second\n")
    second = tokens.replacement(first)
    assert second is not None
    assert (first.value.reveal(), second.value.reveal()) == (b"first", b"second")


def test_a_token_file_that_cannot_be_used(make, tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        make(None, token="", vault_token_file=tmp_path / "absent").current()
    (tmp_path / "empty").write_text(" \n")
    with pytest.raises(AuthenticationError, match="holds no token"):
        make(None, token="", vault_token_file=tmp_path / "empty").current()


def test_with_nothing_to_log_in_with(make, server):
    with pytest.raises(AuthenticationError, match="VAULT_TOKEN") as caught:
        make(None, token="").current()
    assert caught.value.store == "SecretStore team/vault-secret-store"
    assert server.seen == []


def test_every_method_of_eso_has_its_login():
    assert {"token_secret_ref", *_MAKERS} == set(METHODS)


def test_gcp(make_spec, make_context, tmp_path):
    login = login_of(make_spec(auth={"gcp": {"path": "/g/", "role": "r"}}), make_context())
    assert isinstance(login, LoginRequest)
    assert login.path == "auth/g/login"
    settings = {"google_application_credentials": tmp_path / "absent"}
    login = login_of(make_spec(auth={"gcp": {"role": "r"}}), make_context(**settings))
    with pytest.raises(ConfigurationError, match="absent cannot be read"):
        login.credentials()


@pytest.mark.parametrize(("more", "path"), [({}, "auth/aws/login"), ({"path": "/corp/aws/"}, "auth/corp/aws/login")])
def test_iam(make, server, cluster, more, path):
    cluster.secrets = {("team", "aws", "id"): "AKIA", ("team", "aws", "key"): "secret-key\n"}
    server.on("POST", path, granted(server))
    references = {
        "accessKeyIDSecretRef": {"name": "aws", "key": "id"},
        "secretAccessKeySecretRef": {"name": "aws", "key": "key"},
    }
    make({"iam": {"vaultRole": "r", "secretRef": references} | more}).current()
    assert server.seen[0].body["role"] == "r"
    assert "secret-key" not in str(server.seen[0].body)


@pytest.mark.parametrize(("name", "path"), [("ldap", "ldap"), ("userPass", "userpass")])
def test_user_and_password(make, server, cluster, name, path):
    cluster.secrets = {("team", "login", "password"): " with blanks \r\n"}
    server.on("POST", f"auth/{path}/login/virt rigaud", granted(server))
    make({name: {"username": " virt rigaud\n", "secretRef": {"name": "login", "key": "password"}}}).current()
    assert server.seen[0].body == {"password": " with blanks "}


def test_user_and_password_at_another_mount(make, server, cluster):
    cluster.secrets = {("team", "login", "password"): "p"}
    server.on("POST", "auth/corp/ldap/login/u", granted(server))
    reference = {"name": "login", "key": "password"}
    make({"ldap": {"path": "/corp/ldap/", "username": "u", "secretRef": reference}}).current()
    assert server.paths() == ["POST auth/corp/ldap/login/u"]


def test_a_jwt_from_a_secret(make, server, cluster):
    cluster.secrets = {("team", "jwt", "token"): "signed\n"}
    server.on("POST", "auth/jwt/login", granted(server), granted(server))
    reference = {"secretRef": {"name": "jwt", "key": "token"}}
    make({"jwt": {"role": " r ", **reference}}).current()
    make({"jwt": reference | {"kubernetesServiceAccountToken": {"serviceAccountRef": {"name": "a"}}}}).current()
    assert [seen.body for seen in server.seen] == [{"role": "r", "jwt": "signed"}, {"jwt": "signed"}]


@pytest.mark.parametrize(
    ("more", "audiences"),
    [({}, ("own", "vault")), ({"audiences": ["a", "b"]}, ("own", "a", "b")), ({"audiences": []}, ("own",))],
)
def test_a_jwt_of_a_service_account(make, server, cluster, more, audiences):
    server.on("POST", "auth/jwt/login", granted(server))
    account = {"serviceAccountRef": {"name": "external-secrets", "audiences": ["own"]}} | more
    make({"jwt": {"role": "r", "kubernetesServiceAccountToken": account}}).current()
    assert server.seen[0].body == {"role": "r", "jwt": "jwt-of-the-pod"}
    assert cluster.asked == [("token", "team", "external-secrets", *audiences)]


def test_a_certificate_logs_in_on_a_new_connection(make_spec, make_context):
    selectors = {"clientCert": {"name": "c", "key": "crt"}, "secretRef": {"name": "c", "key": "key"}}
    for role, body in (({"vaultRole": "r"}, {"name": "r"}), ({}, {})):
        login = login_of(make_spec(auth={"cert": selectors | role}), make_context())
        assert isinstance(login, LoginRequest)
        assert (login.path, login.by_connection, login.credentials()) == ("auth/cert/login", True, body)


@pytest.mark.parametrize(
    ("auth", "what"),
    [
        ({"userPass": {"username": "u"}}, "auth.userPass needs secretRef"),
        ({"ldap": {"username": " ", "secretRef": {"name": "a", "key": "b"}}}, "no user name"),
        ({"ldap": {"username": "a/b", "secretRef": {"name": "a", "key": "b"}}}, "no user name"),
        ({"jwt": {"role": "r"}}, "auth.jwt needs secretRef or kubernetesServiceAccountToken"),
        ({"cert": {"clientCert": {"name": "a", "key": "b"}}}, "auth.cert needs clientCert and secretRef"),
    ],
)
def test_methods_that_lack_something(make_spec, make_context, auth, what):
    with pytest.raises(ConfigurationError, match=what):
        login_of(make_spec(auth=auth), make_context())


def test_a_password_that_is_empty(make, server, cluster):
    cluster.secrets = {("team", "login", "password"): "\n"}
    with pytest.raises(ConfigurationError, match=r"what auth\.userPass\.secretRef names is empty"):
        make({"userPass": {"username": "u", "secretRef": {"name": "login", "key": "password"}}}).current()
    assert server.seen == []


def test_of_several_methods_the_first_in_esos_order_counts(make_spec, make_context):
    both = login_of(make_spec(auth=KUBERNETES | APP_ROLE), make_context())
    assert isinstance(both, LoginRequest)
    assert both.method == "appRole"
    given = {"tokenSecretRef": {"name": "a", "key": "b"}}
    assert isinstance(login_of(make_spec(auth=KUBERNETES | given), make_context()), GivenToken)

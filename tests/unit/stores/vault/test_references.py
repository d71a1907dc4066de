import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.models.references import CAProvider, SecretKeySelector, ServiceAccountSelector
from virtrigaud_secrets.stores.vault import references


def test_a_namespace_counts_in_a_cluster_store_only(make_context, cluster):
    cluster.secrets = {("team", "s", "k"): "own\n", ("other", "s", "k"): "other"}
    selector = SecretKeySelector(name="s", namespace="other", key="k")
    assert references.secret(selector, make_context(), field="f").reveal() == b"own"
    context = make_context(kind="ClusterSecretStore")
    assert references.secret(selector, context, field="f").reveal() == b"other"


def test_a_cluster_store_without_a_namespace_reads_in_the_callers(make_context, cluster):
    cluster.secrets = {("team", "s", "k"): "own"}
    context = make_context(kind="ClusterSecretStore")
    assert references.secret(SecretKeySelector(name="s", key="k"), context, field="f").reveal() == b"own"


def test_keys_have_defaults_where_the_api_says_so(make_context, cluster):
    cluster.secrets = {("team", "s", "token"): "jwt"}
    selector = SecretKeySelector(name="s")
    assert references.secret(selector, make_context(), field="f", default_key="token").reveal() == b"jwt"
    with pytest.raises(ConfigurationError, match=r"auth\.x\.secretRef must have a name and a key"):
        references.secret(selector, make_context(), field="auth.x.secretRef")


def test_an_empty_value_is_named_by_its_field(make_context, cluster):
    cluster.secrets = {("team", "s", "k"): " \n"}
    with pytest.raises(ConfigurationError, match="what tokenSecretRef names is empty"):
        references.secret(SecretKeySelector(name="s", key="k"), make_context(), field="tokenSecretRef")


def test_service_accounts(make_context, cluster):
    selector = ServiceAccountSelector(name="external-secrets", namespace="virtrigaud-system", audiences=("vault",))
    references.service_account_token(selector, make_context())
    references.service_account_token(selector, make_context(kind="ClusterSecretStore"))
    references.service_account_token(None, make_context())
    assert cluster.asked == [
        ("token", "team", "external-secrets", "vault"),
        ("token", "virtrigaud-system", "external-secrets", "vault"),
        ("token", "team", ""),
    ]


def test_authorities_come_from_secrets_and_config_maps(make_context, cluster):
    cluster.secrets = {("team", "ca", "ca.crt"): "from secret"}
    cluster.config_maps = {("team", "ca", "ca.crt"): "from config map"}
    for kind, expected in (("Secret", b"from secret"), ("ConfigMap", b"from config map")):
        assert references.authority(CAProvider(type=kind, name="ca", key="ca.crt"), make_context()) == expected
    with pytest.raises(ConfigurationError, match="caProvider must have a key"):
        references.authority(CAProvider(type="Secret", name="ca"), make_context())

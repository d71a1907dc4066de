import pickle

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery import Environment, Variables
from virtrigaud_secrets.errors import ConfigurationError

GUIDE = Bundle({"username": b"svc\n", "password": b"p", "server": b"vc"}, manifest="ExternalSecret ns/vc")


def test_the_guides_variables() -> None:
    assert Environment(prefix="VSPHERE_").variables(GUIDE) == {
        "VSPHERE_USERNAME": "svc",
        "VSPHERE_PASSWORD": "p",
        "VSPHERE_SERVER": "vc",
    }


def test_names_of_the_contract() -> None:
    bundle = Bundle({"ssh-privatekey": b"k", "tls.crt": b"c"})
    names = {"ssh-privatekey": "LIBVIRT_SSH_PRIVATE_KEY"}
    assert Environment(prefix="P_", names=names).variables(bundle) == {"LIBVIRT_SSH_PRIVATE_KEY": "k", "P_TLS_CRT": "c"}


def test_only_some_keys() -> None:
    assert Environment(only=("password",)).variables(GUIDE) == {"PASSWORD": "p"}
    with pytest.raises(ConfigurationError, match="there is no key 'token'"):
        Environment(only=("token",)).variables(GUIDE)


@pytest.mark.parametrize("key", ["path", "ld_preload", "PYTHONPATH", "bash_env", "1st", "home"])
def test_what_steers_programs_or_is_no_name_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be the variable"):
        Environment().variables(Bundle({key: b"planted"}))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"a.b": b"planted", "a-b": b"planted"}, "two keys would be the variable A_B"),
        ({"a": b"planted\0"}, "has a null byte"),
        ({"a": b"planted\xff"}, "is not UTF-8"),
    ],
)
def test_what_no_variable_holds_is_told_without_the_value(data: dict[str, bytes], expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected) as caught:
        Environment().variables(Bundle(data))
    assert "planted" not in str(caught.value)


def test_variables_do_not_show() -> None:
    variables = Variables(PASSWORD="planted")
    assert repr(variables) == str(variables) == "Variables(PASSWORD=[redacted])"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(variables)

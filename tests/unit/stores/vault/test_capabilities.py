import pytest

from virtrigaud_secrets.errors import AccessDeniedError, StoreUnavailableError
from virtrigaud_secrets.stores.vault.capabilities import PATH, capabilities
from virtrigaud_secrets.stores.vault.errors import Fault


class Reply:
    def __init__(self, body):
        self.body = body
        self.request_id = "r"


def test_each_path_has_its_own_and_deny_is_none():
    sent = []

    def send(request):
        sent.append(request)
        return Reply({"data": {"a": ["read", "list"], "b": ["deny"], "capabilities": ["deny"]}})

    assert capabilities(send, ["a", "b", "c"]) == {"a": {"read", "list"}, "b": frozenset(), "c": frozenset()}
    (request,) = sent
    assert (request.method, request.path, request.body) == ("POST", PATH, {"paths": ["a", "b", "c"]})


def test_faults_are_raised():
    with pytest.raises(AccessDeniedError):
        capabilities(lambda _: Fault(AccessDeniedError("no")), ["a"])
    with pytest.raises(StoreUnavailableError, match="capabilities"):
        capabilities(lambda _: Reply({}), ["a"])

"""A value on its way shows its origin only."""

from virtrigaud_secrets.bundle import Provenance
from virtrigaud_secrets.resolver.values import Value


def test_a_value_shows_where_it_came_from_and_not_what_it_is():
    shown = repr(Value(b"canary", (Provenance(store="SecretStore ns/s", path="kv/a"),)))
    assert "kv/a" in shown
    assert "canary" not in shown

from virtrigaud_secrets.cache.entries import SecretName
from virtrigaud_secrets.runtime.wanted import Wanted
from virtrigaud_secrets.stores.base import Fetch, StoreKey

A, B, C = (Fetch(store=StoreKey("SecretStore", "ns", "vault"), key=key) for key in "abc")
ONE, OTHER = SecretName("ns", "one"), SecretName("ns", "other")


def test_what_somebody_else_wants_is_kept():
    wanted = Wanted()
    wanted.add(ONE, [A, B])
    wanted.add(OTHER, [B])
    assert wanted.drop(ONE, [A, B]) == [A]
    assert wanted.drop(OTHER, [B]) == [B]


def test_what_nobody_ever_wanted_need_not_be_kept():
    assert Wanted().drop(ONE, [A]) == [A]


def test_another_plan_takes_the_place_of_the_one_before():
    wanted = Wanted()
    wanted.add(ONE, [A, B])
    wanted.add(OTHER, [B])
    assert wanted.replace(ONE, [C]) == [A]
    assert wanted.drop(ONE, [C]) == [C]
    assert wanted.replace(OTHER, [B]) == []
    assert wanted.drop(OTHER, [B]) == [B]

"""A plan as a value."""

from virtrigaud_secrets.resolver.plan import DataStep, ExtractStep, Plan
from virtrigaud_secrets.stores.base import Fetch, StoreKey

STORE = StoreKey("SecretStore", "ns", "store")
ONE = Fetch(store=STORE, key="one")
TWO = Fetch(store=STORE, key="two")


def test_a_plan_names_its_manifest_and_who_asks_for_a_fetch():
    plan = Plan(
        name="es",
        namespace="ns",
        target=None,
        requests=(),
        steps=(
            ExtractStep(field="spec.dataFrom[0]", fetch=TWO),
            DataStep(field="spec.data[0]", fetch=ONE, secret_key="a"),
            DataStep(field="spec.data[1]", fetch=TWO, secret_key="b"),
        ),
    )
    assert plan.manifest == "ExternalSecret ns/es"
    assert plan.fields_of(TWO) == ("spec.dataFrom[0]", "spec.data[1]")
    assert plan.fields_of(ONE) == ("spec.data[0]",)


def test_fetches_are_equal_by_what_they_ask():
    assert Fetch(store=STORE, key="one") == ONE
    assert len({ONE, TWO, Fetch(store=STORE, key="one"), Fetch(store=STORE, key="one", version="2")}) == 3

"""The page on testing a provider names what there is."""

from __future__ import annotations

from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs/testing-your-provider.md").read_text(encoding="utf-8")


def test_the_page_names_all_that_a_fake_store_can_do() -> None:
    from virtrigaud_secrets.testing import FakeStore

    inside = {"factory", "read", "issues", "names"}
    public = {name for name in vars(FakeStore) if not name.startswith("_")} - inside
    assert all(f"fake_store.{name}" in PAGE for name in public | {"reads"})

"""The page on testing a provider: its manifests, provider and tests are run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs/testing-your-provider.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_passes_in_a_pytest_of_its_own(tmp_path: Path) -> None:
    (manifests,) = blocks("yaml")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")  # where the root is, whatever lies above
    provider, tests, subscription, factories = blocks("python")
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/vsphere.yaml").write_text(manifests)
    (tmp_path / "provider.py").write_text(provider)
    (tmp_path / "test_provider.py").write_text(tests)
    (tmp_path / "test_subscription.py").write_text(subscription)
    (tmp_path / "test_factories.py").write_text(
        f"def test_factories():\n    {factories.strip().replace(chr(10), chr(10) + '    ')}\n"
    )
    plugin = ["-p", "no:virtrigaud-secrets", "-p", "virtrigaud_secrets.testing.plugin", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", *plugin],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout
    assert f"{tests.count('def test_') + 2} passed" in run.stdout


def test_the_page_names_all_that_a_fake_store_can_do() -> None:
    from virtrigaud_secrets.testing import FakeStore

    inside = {"factory", "read", "issues", "names"}
    public = {name for name in vars(FakeStore) if not name.startswith("_")} - inside
    assert all(f"fake_store.{name}" in PAGE for name in public | {"reads"})

"""What the README promises is run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_quickstart_runs_and_prints_what_the_readme_says(tmp_path):
    (quickstart,) = blocks("python")
    assert len(quickstart.splitlines()) <= 18
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", quickstart], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert f"It prints `{run.stdout.strip()}`" in README.replace("\n", " ")


def test_the_two_commands_are_single_lines_that_use_what_the_project_defines():
    demo, tests, *_ = blocks("sh")
    assert demo.count("\n") == tests.count("\n") == 1
    assert "'.[demo]'" in demo
    assert demo.strip().endswith("virtrigaud-secrets demo")
    assert tests.strip().endswith("nox -s tests")


@pytest.mark.parametrize(
    "page", sorted(ROOT.glob("docs/**/*.md")) + sorted(ROOT.glob("*.md")), ids=lambda page: page.name
)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{page.name}: {target}"


def test_every_command_of_the_program_is_in_the_readme():
    from typer.main import get_command

    from virtrigaud_secrets.cli.app import application

    for name in get_command(application()).commands:
        assert f"`virtrigaud-secrets {name}" in README

"""Every page's code is run, from top to bottom, as a reader would. `run_page.py` does it; CONTRIBUTING.md says how."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    page
    for page in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
    if "_build" not in page.parts
]
MOST_NOT_RUN = 6
"""Blocks of all pages together that are not run. Each says why."""


@pytest.mark.parametrize("page", [page for page in PAGES if "```" in page.read_text()], ids=lambda page: page.stem)
def test_the_code_of_the_page_runs(pages, page: Path, tmp_path: Path) -> None:
    run = pages.run(page, tmp_path)
    assert run.returncode == 0, run.stderr
    assert "page-canary" not in run.stdout + run.stderr


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    reasons = [
        reason
        for page in PAGES
        for reason in re.findall(r"^ *<!-- not run: (.*?) ?-->", page.read_text(), re.MULTILINE)
    ]
    assert len(reasons) <= MOST_NOT_RUN
    assert all(len(reason.split()) > 2 for reason in reasons)


def test_every_page_has_its_place_in_the_index() -> None:
    listed = (ROOT / "docs/index.md").read_text().splitlines()
    pages = [page.relative_to(ROOT / "docs").with_suffix("") for page in PAGES if page.is_relative_to(ROOT / "docs")]
    assert [name for name in map(str, pages) if name != "index" and listed.count(name) != 1] == []


MANIFEST = """
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: a, namespace: b}}
spec: {{secretStoreRef: {{name: s}}, data: [{{secretKey: {key}, remoteRef: {{key: k}}}}]}}
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```python\n1 / 0\n```", "page.md:2: ZeroDivisionError"),
        ("<!-- setup\nx = nope\n-->", "name 'nope' is not defined"),
        ("```sh\nfalse | true\n```", "page.md:2: PageError: the commands end with 1"),
        ("```sh\npip install 'virtrigaud-secrets[nope]'\n```", "no such package or extra"),
        ("```sh\necho a\n```\n\n<!-- prints -->\n```text\nb\n```", "what is printed is not this, but:\na"),
        ("```python\nprint(1)\n```\n<!-- prints -->\n```text\n2\n```", "page.md:6"),
        (f"```yaml{MANIFEST.format(key='a').replace('spec:', 'spek:')}```", "the manifest is not valid"),
        ("```yaml\ndataFrom: [{extract: {kee: a}}]\n```", "kee"),
        ("```yaml\nnothing: known\n```", "spec.nothing: unknown field"),
        ("```json\n{,}\n```", "JSONDecodeError"),
        ("```toml\n=\n```", "TOMLDecodeError"),
        ("```ruby\n1\n```", "blocks of ruby are not known"),
        ("> ```python\n> 1 / 0\n> ```", "a block of code is not between"),
        ("~~~python\n1 / 0\n~~~", "a block of code is not between"),
        ("```python\n1", "a block of code is not between"),
        ("```text\na\n```\n<!-- prints -->", "no block follows the order: prints"),
        ("<!-- skip this -->\n```python\n1\n```", "no order"),
    ],
)
def test_what_does_not_hold_is_told_by_page_and_line(pages, text: str, told: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    run = pages.run(page, tmp_path)
    assert run.returncode == 1
    assert told in run.stderr


def test_what_a_page_may_ask_for(pages, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        f"""
<!-- setup
import asyncio
answer = 41
-->
- in a list

  ```python
  await asyncio.sleep(0)
  print(answer + 1)
  ```

<!-- prints -->
```text
42
```
<!-- not run: it would fail -->
```python
1 / 0
```
<!-- file: other.py -->
```python
print("other")
```
```sh
python other.py
```
<!-- prints -->
```text
other
```
```yaml{MANIFEST.format(key="a")}```
```yaml
dataFrom: [{{extract: {{key: a}}}}]
```
"""
    )
    run = pages.run(page, tmp_path)
    assert (run.returncode, run.stderr) == (0, "")

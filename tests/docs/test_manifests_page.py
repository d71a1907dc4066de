"""The Python example of docs/manifests.md runs, and what it writes is a valid manifest."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

from virtrigaud_secrets.manifests import inspect

PAGE = Path(__file__).parents[2] / "docs" / "manifests.md"


def test_the_example_writes_a_valid_manifest(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(code, {})  # noqa: S102  # the page's own
    file = tmp_path / "a.yaml"
    file.write_text(output.getvalue())
    (verdict,) = inspect(file, strict=True).verdicts

    assert (verdict.verdict, verdict.kind, verdict.name, verdict.findings) == ("valid", "ExternalSecret", "vsphere", ())

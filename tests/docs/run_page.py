"""Runs the code of one page of the documentation as a reader would, from top to bottom, in an empty directory.

A program: `run_page.py PAGE`, run in the directory that the page's reader is thought to be in. `CONTRIBUTING.md` says
what a page can ask for. Ends with status 1 and says page and line where something is not as the page says.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from virtrigaud_secrets import Resolver, Settings
from virtrigaud_secrets.findings import Severity
from virtrigaud_secrets.manifests import inspect, load

INERT = frozenset({"", "text", "hcl", "promql", "ini", "dockerfile", "rego"})
"""Languages of blocks that are not run: output, diagrams, and what other programs read."""
BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>[^\s`]*)[^\n]*\n(?P<code>.*?)^ *```$", re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r"^ *<!--(?P<order>.*?)-->$", re.DOTALL | re.MULTILINE)
PARTS_OF: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "ExternalSecret": (
        "external-secrets.io/v1",
        {"secretStoreRef": {"name": "store"}, "data": [{"secretKey": "a", "remoteRef": {"key": "a"}}]},
    ),
    "PushSecret": (
        "external-secrets.io/v1alpha1",
        {"secretStoreRefs": [{"name": "store"}], "selector": {"secret": {"name": "a"}}},
    ),
    "SecretStore": ("external-secrets.io/v1", {"provider": {"fake": {"data": [{"key": "a", "value": "b"}]}}}),
}
"""Kinds that a page may show a part of: version, and a spec for what the part leaves out."""
SHELL_SECONDS = 100
"""For one block of commands."""


class PageError(Exception):
    """What a page says does not hold."""


@dataclass(frozen=True)
class Step:
    """A block of code, or an order in a comment."""

    line: int
    language: str
    """Of a block; `order` for a comment."""
    text: str


def steps(page: str) -> list[Step]:
    """Blocks and comments in their order. A comment inside a block is the block's.

    Raises:
        PageError: there is code that would not be found: a fence of another form, or one that is not closed.
    """
    if re.search(r"```|^\s*~~~", BLOCK.sub("", page), re.MULTILINE):
        raise PageError("a block of code is not between two lines that begin with ```")
    found: list[tuple[int, Step]] = []
    inside: list[range] = []
    for match in BLOCK.finditer(page):
        inside.append(range(match.start(), match.end()))
        line = page.count("\n", 0, match.start("code")) + 1
        found.append((match.start(), Step(line, match["language"], textwrap.dedent(match["code"]))))
    for match in COMMENT.finditer(page):
        if not any(match.start() in block for block in inside):
            line = page.count("\n", 0, match.start("order")) + 1
            found.append((match.start(), Step(line, "order", match["order"].strip())))
    return [step for _, step in sorted(found, key=lambda pair: pair[0])]


class Page:
    """One run of a page."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._names: dict[str, object] = {"__name__": "__main__"}
        self._printed = ""
        self._order = ""

    def run(self, todo: Iterator[Step]) -> None:
        for step in todo:
            if step.language == "order":
                self._take_order(step)
                continue
            order, self._order = self._order, ""
            word, _, argument = order.partition(":")
            try:
                self._run(step, word, argument.strip())
            except Exception as error:
                told = f"{type(error).__name__}: {error}"
                raise PageError(f"{self.name}:{step.line}: {told}") from error
        if self._order:
            raise PageError(f"{self.name}: no block follows the order: {self._order}")

    def _take_order(self, step: Step) -> None:
        word, _, rest = step.text.partition("\n")
        if word == "setup":
            self._python(textwrap.dedent(rest), step.line + 1)
        elif re.fullmatch(r"(not run|file): .+|prints", step.text, re.DOTALL):
            self._order = step.text
        elif not step.text.startswith("needs:"):
            raise PageError(f"{self.name}:{step.line}: no order of tests/docs/run_page.py: {word}")

    def _run(self, step: Step, order: str, argument: str) -> None:
        if order == "prints" and step.text.strip() != self._printed.strip():
            raise PageError(f"what is printed is not this, but:\n{self._printed}")
        if order == "file":
            place = Path(argument)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(step.text)
            if step.language == "yaml" and "external-secrets.io/" in step.text:
                check_manifests(step.text, alone=False)
        elif not order:
            self._carry_out(step)

    def _carry_out(self, step: Step) -> None:
        if step.language == "python":
            self._python(step.text, step.line)
        elif step.language == "sh":
            self._shell(step.text)
        elif step.language == "yaml":
            check_manifests(step.text, alone=True)
        elif step.language == "json":
            json.loads(step.text)
        elif step.language == "toml":
            tomllib.loads(step.text)
        elif step.language not in INERT and not step.language.startswith("{"):
            raise PageError(f"blocks of {step.language} are not known: run them, or say why not (CONTRIBUTING.md)")

    def _python(self, code: str, line: int) -> None:
        # Lines are counted as in the page, so that a traceback shows the page's.
        compiled = compile("\n" * (line - 1) + code, self.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        with contextlib.redirect_stdout(io.StringIO()) as output:
            try:
                waiting = eval(compiled, self._names)  # noqa: S307  # the page's own code
                if asyncio.iscoroutine(waiting):
                    asyncio.run(waiting)
            except SystemExit as end:
                if end.code:
                    raise PageError(f"the code ends with {end.code}") from end
        self._printed = output.getvalue()

    def _shell(self, commands: str) -> None:
        run = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=SHELL_SECONDS,
        )
        self._printed = run.stdout
        if run.returncode != 0:
            raise PageError(f"the commands end with {run.returncode}\n{run.stdout}{run.stderr}")


def check_manifests(text: str, *, alone: bool) -> None:
    """Manifests of ESO must be valid, without a remark, and be planned; a part of one must be where it can be.

    Args:
        text: YAML documents.
        alone: all that they refer to is among them, if a store is.
    """
    documents: list[Mapping[str, object]] = []
    for document in filter(None, yaml.safe_load_all(text)):
        ways = [document] if "kind" in document else whole(document)
        faults = [findings(way) for way in ways]
        if all(faults):
            raise PageError("\n".join(["the manifest is not valid:", *faults[0]]))
        documents.append(ways[faults.index([])])
    if alone and any(str(document["kind"]).endswith("Store") for document in documents):
        with written(documents) as place, Resolver(load(place), settings=Settings()) as resolver:
            for secret in resolver.catalog.external_secrets:
                resolver.plan(secret.name, namespace=secret.namespace)


def findings(document: Mapping[str, object]) -> list[str]:
    """What a strict check remarks."""
    with written([document]) as place:
        verdicts = inspect(place, strict=True).verdicts
    return [str(found) for verdict in verdicts for found in verdict.findings if found.severity is not Severity.NOTE]


@contextlib.contextmanager
def written(documents: Iterable[Mapping[str, object]]) -> Iterator[Path]:
    """Manifests as a file, for a while."""
    place = Path(".checked.yaml")
    place.write_text(yaml.safe_dump_all(documents))
    try:
        yield place
    finally:
        place.unlink()


def whole(part: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The manifests that this can be a part of: metadata, spec or both, or fields of a spec."""
    if set(part) <= {"metadata", "spec"}:
        metadata = {**part.get("metadata", {}), "name": "a", "namespace": "b"}  # type: ignore[dict-item]
        return [
            {"apiVersion": version, "kind": kind, "spec": spec, **part, "metadata": metadata}
            for kind, (version, spec) in PARTS_OF.items()
        ]
    metadata = {"name": "a", "namespace": "b"}
    ways: list[Mapping[str, object]] = [
        {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": {**spec, **part}}
        for kind, (version, spec) in PARTS_OF.items()
    ]
    return ways


def main() -> int:
    """Run the page that the argument names."""
    page = Path(sys.argv[1]).resolve()
    # What the page's commands find: this interpreter's programs, and a `pip` that only looks whether packages exist.
    os.environ["PATH"] = os.pathsep.join(
        (os.environ["PAGE_PROGRAMS"], str(Path(sys.executable).parent), os.environ["PATH"])
    )
    sys.path.insert(0, "")
    try:
        Page(page.name).run(iter(steps(page.read_text(encoding="utf-8"))))
    except PageError as error:
        cause = error.__cause__
        if cause is not None and not isinstance(cause, PageError):
            import traceback

            traceback.print_exception(cause)
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

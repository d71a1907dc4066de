"""Coverage-guided search for a template or data on which the engine ends in anything but output or its own error.

`nox -s fuzz` runs it for a minute. A finding is fixed, and its input becomes a test of the module that was wrong.

    python tests/fuzz/fuzz_template.py -max_total_time=60 CORPUS_DIRECTORY
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["virtrigaud_secrets"]):
    from virtrigaud_secrets import template
    from virtrigaud_secrets.errors import TemplateError
    from virtrigaud_secrets.template import Limits, functions

    for module in pkgutil.iter_modules(functions.__path__, functions.__name__ + "."):
        importlib.import_module(module.name)

CASES = Path(__file__).parents[1] / "conformance" / "template" / "cases.jsonl"
CANARY = b"c4n4ry-value"
DATA = {"username": CANARY, "password": b"p\xff\x00", "doc": b'{"a": [1, 2.5, null, "x"]}', "list": b"a,b,c", "n": b"7"}
LIMITS = Limits(steps=20_000)
SLOW = ("bcrypt", "htpasswd", "gen", "derivePassword", "pkcs12", "pem", "jwk", "rsa", "buildCustomCert", "AES")
"""Functions that are slow by intent or make keys: nothing to find by trying them a million times."""


def one_input(raw: bytes) -> None:
    """Render what the fuzzer made."""
    text = raw.decode("utf-8", "surrogateescape")
    if any(word in text for word in SLOW):
        return
    try:
        template.compile(text, limits=LIMITS).render(DATA)
    except TemplateError as error:
        if CANARY.decode() in str(error):
            raise AssertionError("an error shows a value") from None


def seed(directory: Path) -> None:
    """Start from the conformance cases: they know every construct and function."""
    directory.mkdir(parents=True, exist_ok=True)
    for line in filter(None, CASES.read_text(encoding="utf-8").split("\n")):
        case = json.loads(line)
        text = case["template"]
        if len(text) < 200 and not any(word in text for word in SLOW):
            (directory / case["id"]).write_text(text, encoding="utf-8", errors="surrogateescape")


if __name__ == "__main__":
    seed(Path(sys.argv[-1]))
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()

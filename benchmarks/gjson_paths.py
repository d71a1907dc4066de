"""Time of a GJSON look-up, beside the packages pygjson and gjson where they can be imported.

Run it with `python benchmarks/gjson_paths.py`; it takes the options of pyperf.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pyperf

from virtrigaud_secrets import gjson

DOCUMENT = (
    '{"username": "svc-virt@vsphere.local", "password": "p@ss\\"word", "server": "vc01.example.com", "port": 443, '
    '"tls": {"verify": true, "ca.crt": "PEM", "chain": ["a", "b", "c"]}, '
    '"users": [{"n": "x", "v": 1}, {"n": "y", "v": 2}]}'
)
PATHS = ("username", "server", "tls.verify", r"tls.ca\.crt", "tls.chain.1", 'users.#(n=="y").v', "missing")


def peers() -> dict[str, Callable[[str, str], object]]:
    """The look-up functions that can be imported, by package."""
    found: dict[str, Callable[[str, str], object]] = {
        "virtrigaud_secrets": lambda text, path: gjson.get(text, path).text
    }
    for package in ("pygjson", "gjson"):
        try:
            found[package] = importlib.import_module(package).get
        except (ImportError, AttributeError):
            continue
    return found


def main() -> None:
    """Measure every path with every package."""
    runner = pyperf.Runner()
    for package, look_up in peers().items():
        for path in PATHS:
            runner.bench_func(f"{package} {path}", look_up, DOCUMENT, path)


if __name__ == "__main__":
    main()

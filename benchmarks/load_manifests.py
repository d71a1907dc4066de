"""Loads many manifests: time, memory, and that both grow with the number of documents and no faster.

python benchmarks/load_manifests.py [documents] [references a document]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PER_FILE = 500
"""Documents of one file: a repository of manifests has few larger ones."""

OURS = """
from virtrigaud_secrets.manifests import inspect
from virtrigaud_secrets.manifests.documents import LOADER
def load(path):
    report = inspect(path)
    assert report.ok, report.errors[:3]
    return report
name = f"inspect ({LOADER.__name__})"
"""

PYYAML = """
import pathlib, yaml
def load(path):
    texts = [file.read_text() for file in pathlib.Path(path).iterdir()]
    return [list(yaml.load_all(text, Loader=yaml.CSafeLoader)) for text in texts]
name = "PyYAML's CSafeLoader alone"
"""

MEASURE = """
import json, resource, sys, time
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
kept = load(sys.argv[1])
spent = time.process_time() - start
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": spent, "kib": after - before, "name": name}))
"""
"""Run in an interpreter of its own, so that its peak of memory is its own. Time is the processor's."""


def external_secret(number: int, references: int) -> str:
    """One ExternalSecret with a comment, a template and as many references."""
    data = "".join(
        f"""
    - secretKey: key-{reference}
      remoteRef:
        key: secret/data/application-{number}
        property: property-{reference}"""
        for reference in range(references)
    )
    return f"""# What application {number} needs.
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: application-{number}
  namespace: namespace-{number % 50}
  labels:
    app.kubernetes.io/name: application-{number}
spec:
  refreshInterval: 1h
  secretStoreRef:
    name: vault
    kind: ClusterSecretStore
  target:
    name: application-{number}
    template:
      data:
        url: "postgresql://{{{{ .user }}}}:{{{{ .password }}}}@database/{number}"
  data:{data}
"""


STORE = """apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata:
  name: vault
spec:
  provider:
    vault:
      server: https://vault.example.org
      auth: {kubernetes: {role: reader}}
"""


def write(directory: Path, documents: int, references: int) -> int:
    """The manifests, as files; how many bytes they have."""
    texts = [STORE, *(external_secret(number, references) for number in range(documents - 1))]
    size = 0
    for start in range(0, documents, PER_FILE):
        text = "---\n".join(texts[start : start + PER_FILE])
        (directory / f"{start:06}.yaml").write_text(text)
        size += len(text)
    return size


def measure(program: str, documents: int, references: int) -> tuple[float, float]:
    """One load in a fresh interpreter: seconds and kB a document. Prints them."""
    with tempfile.TemporaryDirectory() as name:
        size = write(Path(name), documents, references)
        command = [sys.executable, "-c", program + MEASURE, name]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    seconds, kilobytes = found["seconds"] / documents, found["kib"] * 1.024 / documents
    print(
        f"{found['name']:28} {documents:>7} documents, {size / 1e6:5.1f} MB: {found['seconds']:6.2f} s, "
        f"{seconds * 1e6:5.0f} us and {kilobytes:5.1f} kB a document"
    )
    return seconds, kilobytes


def main() -> None:
    """Print a line for a tenth of the documents, one for all, and one for PyYAML, which checks nothing."""
    given = [int(argument) for argument in sys.argv[1:]]
    documents, references = (*given, *(10_000, 10)[len(given) :])
    print(f"Python {sys.version.split()[0]}, {time.strftime('%Y-%m-%d')}, {references} references a document")
    small, _ = measure(OURS, documents // 10, references)
    large, _ = measure(OURS, documents, references)
    plain, _ = measure(PYYAML, documents, references)
    print(f"a document among ten times as many costs {large / small:.2f} times as much; PyYAML's {plain / large:.2f}")


if __name__ == "__main__":
    main()

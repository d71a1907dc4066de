"""Every check of the project, one command each. `nox` alone runs what a change must pass."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "tests"]

PROJECT = nox.project.load_toml("pyproject.toml")
CONSTRAINTS = ("-c", "constraints.txt")
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def group(name: str) -> list[str]:
    """The requirements of a dependency group; works with every pip."""
    return nox.project.dependency_groups(PROJECT, name)


def install(session: nox.Session, *groups: str) -> None:
    """Install the project with all extras and the groups named, in the versions that are tested."""
    # Exact versions where they exist for this Python; elsewhere what the ranges of pyproject.toml give.
    constraints = () if session.python == "3.14" else CONSTRAINTS
    requirements = [requirement for name in groups for requirement in group(name)]
    session.install(*constraints, "-e", ".[all,testing]", *requirements)
    if "tests" in groups and _has_libvirt():
        session.install(*constraints, *PROJECT["project"]["optional-dependencies"]["libvirt"])


def _has_libvirt() -> bool:
    """Whether libvirt-python can be built: it has no wheels and needs the headers of the machine's own libvirt."""
    program = shutil.which("pkg-config")
    return program is not None and subprocess.call([program, "--exists", "libvirt"]) == 0  # noqa: S603  # no input in it


@nox.session
def tests(session: nox.Session) -> None:
    """Everything: unit, property, conformance, contract, architecture and integration tests."""
    install(session, "tests", "lint")
    session.run("pytest", "-n", "2", *session.posargs)


@nox.session(name="tests-on", python=PYTHONS)
def tests_on(session: nox.Session) -> None:
    """The same on each Python that is installed."""
    install(session, "tests", "lint")
    session.run("pytest", "-n", "2", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Which lines and branches the tests without servers reach."""
    install(session, "tests", "lint")
    session.run(
        "coverage",
        "run",
        "-m",
        "pytest",
        "-q",
        "tests/unit",
        "tests/property",
        "tests/conformance",
        "tests/contract",
        "tests/architecture",
        *session.posargs,
    )
    session.run("coverage", "report")


@nox.session
def integration(session: nox.Session) -> None:
    """Tests against real servers; a missing server fails the run."""
    install(session, "tests")
    env = {**os.environ, "VIRTRIGAUD_SECRETS_REQUIRE_SERVERS": "1"}
    session.run("pytest", "tests/integration", "tests/contract", *session.posargs, env=env)


@nox.session
def soak(session: nox.Session) -> None:
    """Leases under all faults at once, on real servers: five minutes, or as many seconds as are given."""
    install(session, "tests")
    env = {**os.environ, "VIRTRIGAUD_SECRETS_REQUIRE_SERVERS": "1"}
    env["VIRTRIGAUD_SECRETS_SOAK_SECONDS"] = session.posargs[0] if session.posargs else "300"
    session.run("pytest", "-q", "-s", "-m", "soak", "tests/integration/leases", env=env)


@nox.session
def lint(session: nox.Session) -> None:
    """Form and layers."""
    install(session, "lint")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("lint-imports")
    session.run("codespell", "src", "tests", "docs", "examples", "README.md")


@nox.session
def types(session: nox.Session) -> None:
    """Types, by mypy and pyright, both strict."""
    install(session, "types")
    session.run("mypy")
    # Told which Python, as it finds the packages of another one otherwise.
    session.run("basedpyright", "--pythonpath", f"{session.virtualenv.location}/bin/python")


@nox.session
def docs(session: nox.Session) -> None:
    """The site, in docs/_build. A warning fails, such as a link that leads nowhere."""
    install(session, "docs")
    session.run("sphinx-build", "-q", "-b", "html", "-W", "--keep-going", "docs", "docs/_build", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Benchmarks: ratios against peers measured in the same run."""
    install(session, "bench")
    for script in session.posargs or [
        "benchmarks/import_time.py",
        "benchmarks/load_manifests.py",
        "benchmarks/template_render.py",
        "benchmarks/vault_read.py",
        "benchmarks/plan_manifests.py",
        "benchmarks/cached_read.py",
        "benchmarks/resolve_all.py",
        "benchmarks/lease_schedule.py",
    ]:
        session.run("python", script)


@nox.session
def fuzz(session: nox.Session) -> None:
    """A minute of coverage-guided search for a template that the engine cannot deal with."""
    install(session, "fuzz")
    options = session.posargs or ["-max_total_time=60", "-max_len=400", "-timeout=10"]
    session.run("python", "tests/fuzz/fuzz_template.py", *options, f"{session.create_tmp()}/corpus")


@nox.session
def build(session: nox.Session) -> None:
    """Wheel and source distribution, then the tests that need no server against the installed wheel."""
    session.install("build")
    target = Path(session.create_tmp())
    session.run("python", "-m", "build", "--outdir", str(target))
    (wheel,) = target.glob("*.whl")
    session.install(*CONSTRAINTS, f"virtrigaud-secrets[all,testing] @ file://{wheel.resolve()}", *group("tests"))
    session.run("pytest", "-q", "-n", "2", "tests/unit", "tests/conformance", "tests/contract/test_fake.py")

"""`demo`: the guide's own manifests against real servers on this machine. Starts, shows, cleans up; decides nothing."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final

import typer

from virtrigaud_secrets.cli.output import HIDDEN, console, print_json
from virtrigaud_secrets.cli.resolve import describe
from virtrigaud_secrets.errors import LocalServerError

if TYPE_CHECKING:
    from rich.console import Console

    from virtrigaud_secrets.testing.demonstration import Demonstration
    from virtrigaud_secrets.testing.guide_setup import GuideWorld

LOOK_SECONDS: Final = 1.0
"""With --keep, how often it is looked whether the servers still run."""
SIGNAL_STATUS: Final = 128
"""A process that a signal ended has this much more than the signal's number as its status."""


class DemoFormat(StrEnum):
    """How the demo's findings are printed."""

    TABLE = "table"
    JSON = "json"


def demo(
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the servers running until Ctrl-C and say how to use them.")
    ] = False,
    output_format: Annotated[DemoFormat, typer.Option("--format", help="table or json.")] = DemoFormat.TABLE,
) -> None:
    """Resolve the guide's manifests as written on a real OpenBao and PostgreSQL, prove the values, clean up.

    Everything runs on loopback in a temporary directory. Values stay hidden.
    """
    from virtrigaud_secrets.clock import SystemClock
    from virtrigaud_secrets.testing.demonstration import demonstrate
    from virtrigaud_secrets.testing.guide_setup import guide_world

    clock = SystemClock()
    started = clock.elapsed()
    with _ended_by_sigterm(), ExitStack() as servers:
        with _progress() as step:  # ends before anything is printed: a live display and a table do not mix
            world = servers.enter_context(guide_world(on_step=step))
            found = demonstrate(world, on_step=step)
        environment = _environment(world) if keep else {}
        if output_format is DemoFormat.JSON:
            print_json(_document(found, environment))
        else:
            _print(found)
        if keep:
            _print_how_to_use(world, environment)
            _wait(world)
    console(stderr=True).print(f"done in {clock.elapsed() - started:.1f} s, nothing is left running")


def _document(found: Demonstration, environment: Mapping[str, str]) -> dict[str, object]:
    """The stable form of `--format json`."""
    return {
        "manifests": {name: describe(bundle) for name, bundle in found.bundles.items()},
        "requests": [
            {"operation": operation, "path": path, "count": count}
            for (operation, path), count in sorted(found.requests.items(), key=lambda item: item[0][::-1])
        ],
        "proofs": [{"claim": proof.claim, "detail": proof.detail} for proof in found.proofs],
        "environment": dict(environment),
    }


def _print(found: Demonstration) -> None:
    from rich.table import Table

    out = console()
    for name, bundle in found.bundles.items():
        table = Table(title=f"{bundle.namespace}/{name} ({bundle.type})", title_justify="left")
        for column in ("key", "value", "read from", "lease"):
            table.add_column(column, overflow="fold")
        for key in bundle:
            origins = bundle.provenance[key]
            leases = dict.fromkeys(f"{origin.lease.duration} s" for origin in origins if origin.lease is not None)
            read = (origin.path + (f": {origin.property}" if origin.property else "") for origin in origins)
            table.add_row(key, HIDDEN, "\n".join(read), "\n".join(leases))
        out.print(table)
    table = Table(title="what OpenBao's audit log counted", title_justify="left")
    table.add_column("requests", justify="right")
    table.add_column("operation")
    table.add_column("path", overflow="fold")
    for (operation, path), count in sorted(found.requests.items(), key=lambda item: item[0][::-1]):
        table.add_row(str(count), operation, path)
    out.print(table)
    for proof in found.proofs:
        out.print(f"proven: {proof.claim}" + (f" ({proof.detail})" if proof.detail else ""), style="green")


def _environment(world: GuideWorld) -> dict[str, str]:
    """Variables that point this library, and the server's own command line, at the demo's servers. No secret in it."""
    endpoints = ",".join(f"{written}={instead}" for written, instead in world.endpoints.items())
    return {
        "VIRTRIGAUD_SECRETS_ENDPOINTS": endpoints,
        "VIRTRIGAUD_SECRETS_CA_FILE": str(world.openbao.ca_file),
        "VIRTRIGAUD_SECRETS_SERVICE_ACCOUNT_DIRECTORY": str(world.service_account_directory),
        "BAO_ADDR": world.openbao.address,
        "BAO_CACERT": str(world.openbao.ca_file),
    }


def _print_how_to_use(world: GuideWorld, environment: Mapping[str, str]) -> None:
    parameters = " ".join(
        shlex.quote(f"--parameter={path}:{name}={value}")
        for path, named in world.parameters.items()
        for name, value in named.items()
    )
    manifests = shlex.quote(str(world.manifests))
    lines = [
        "",
        "The servers stay up until Ctrl-C. In another shell:",
        "",
        *(f"export {name}={shlex.quote(value)}" for name, value in environment.items()),
        f"virtrigaud-secrets resolve {manifests} vsphere-credentials -n vsphere-providers",
        f"virtrigaud-secrets resolve {manifests} provider-tls-certs {parameters}",
        "",
        "Put your own manifests in place of the guide's. To write your own data with OpenBao's command line:",
        "",
        f'export BAO_TOKEN="$(cat {shlex.quote(str(world.save_root_token()))})"',
        "bao kv put -mount=secret providers/mine username=me",
        "",
    ]
    out = console(stderr=True)
    for line in lines:
        out.print(line)


def _wait(world: GuideWorld) -> None:
    """Until Ctrl-C, or until a server ends, which is an error."""
    never = threading.Event()
    try:
        while not never.wait(LOOK_SECONDS):
            for server in (world.openbao.process, world.postgres.process):
                if not server.running:
                    raise LocalServerError(f"{server.name} has ended{server.log_tail()}")
    except KeyboardInterrupt:
        return


@contextmanager
def _ended_by_sigterm() -> Generator[None]:
    """Turn SIGTERM into an exception, so that what was opened is closed. Without this, a guard process cleans up."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(SIGNAL_STATUS + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _progress() -> Generator[Callable[[str], None]]:
    """Tells steps on standard error: a live display on a terminal, plain lines elsewhere."""
    out = console(stderr=True)
    if not out.is_terminal:
        yield lambda step: out.print(f"{step} ...")
        return
    with _live_steps(out) as tell:
        yield tell


@contextmanager
def _live_steps(out: Console) -> Generator[Callable[[str], None]]:
    from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(finished_text="+"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=out, redirect_stdout=False) as display:
        running: list[TaskID] = []

        def tell(step: str) -> None:
            while running:
                display.update(running.pop(), completed=1)
            running.append(display.add_task(step, total=1))

        yield tell
        for task in running:
            display.update(task, completed=1)

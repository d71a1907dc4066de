"""`policy`: the least rights that the manifests need, as policies of each platform, and whether they are in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from virtrigaud_secrets.cli import options
from virtrigaud_secrets.cli.exit_codes import ExitCode
from virtrigaud_secrets.cli.output import print_json, remark, visible, write_text
from virtrigaud_secrets.errors import ConfigurationError, ManifestNotFoundError, raise_all
from virtrigaud_secrets.operations.policy.document import Platform
from virtrigaud_secrets.settings import Settings

if TYPE_CHECKING:
    from virtrigaud_secrets.manifests import Catalog
    from virtrigaud_secrets.operations.policy.derivation import Derived, Surroundings
    from virtrigaud_secrets.operations.policy.document import Policy
    from virtrigaud_secrets.operations.policy.verification import Verdict


@options.takes_settings
def policy(
    path: options.ManifestPath,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="One ExternalSecret; all of them, and all PushSecrets, where left out."),
    ] = None,
    *,
    namespace: options.Namespace = None,
    platform: Annotated[
        list[Platform] | None,
        typer.Option("--platform", help="Whose policies; all where left out. Repeatable."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="Write each policy to a file of its own in DIR."),
    ] = None,
    mount: Annotated[
        list[str] | None,
        typer.Option(
            "--mount",
            metavar="PATH=TYPE",
            help="Vault: an engine of the server, such as vsphere=database or team=kv-v1. Repeatable.",
        ),
    ] = None,
    default_policy: Annotated[
        bool,
        typer.Option("--default-policy", help="Vault: logins have the policy default too; leave out what it grants."),
    ] = False,
    aws_account: Annotated[
        str, typer.Option("--aws-account", metavar="NUMBER", help="AWS: the account whose secrets they are.")
    ] = "",
    service_account: Annotated[
        str | None,
        typer.Option(
            "--service-account", metavar="NAMESPACE/NAME", help="Kubernetes: the process's own service account."
        ),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Ask Vault and the cluster what we may, and list what lacks and what is too much."
        ),
    ] = False,
    output_format: options.TextOrJson = options.ReportFormat.TEXT,
    settings: Settings,
) -> int:
    """Print the least rights that the manifests need, as policies of each platform, without sending a request."""
    from virtrigaud_secrets.manifests import load
    from virtrigaud_secrets.operations.policy.derivation import Surroundings, derive

    catalog = load(path, strict=settings.strict)
    names = _names(catalog, name, namespace)
    surroundings = Surroundings(
        mounts=_mounts(mount or ()),
        default_policy=default_policy,
        aws_account=aws_account,
        service_account=_account(service_account),
    )
    if verify:
        return _verify(catalog, settings, names, surroundings, output_format)
    derived = derive(
        catalog,
        settings=settings,
        names=names,
        platforms=tuple(Platform) if platform is None else platform,
        surroundings=surroundings,
    )
    if output is not None:
        write(output, derived.policies)
    elif output_format is options.ReportFormat.JSON:
        print_json(describe(derived))
    else:
        _print_text(derived.policies)
    for one in derived.policies:
        for note in one.notes:
            remark(f"{one.name}: {note}")
    for store in derived.without:
        remark(f"{store}: its kind of store has no policies")
    raise_all(list(derived.faults), str(path))
    return ExitCode.OK


def _verify(
    catalog: Catalog,
    settings: Settings,
    names: Sequence[tuple[str, str]] | None,
    surroundings: Surroundings,
    output_format: options.ReportFormat,
) -> int:
    from virtrigaud_secrets.operations.policy.verification import verify

    verdicts = verify(catalog, settings=settings, names=names, surroundings=surroundings)
    if output_format is options.ReportFormat.JSON:
        print_json({"verdicts": [_told(one) for one in verdicts]})
    for one in verdicts if output_format is options.ReportFormat.TEXT else ():
        write_text(f"{visible(f'{one.policy}: {one.identity}')}: {'as needed' if one.exact else 'not as needed'}\n")
        for word, rights in (("lacks", one.lacking), ("too much", one.excess)):
            write_text("".join(f"  {word}: {visible(right)}\n" for right in rights))
    raise_all([one.error for one in verdicts if one.error is not None], "policy --verify")
    return ExitCode.OK if all(one.exact for one in verdicts) else ExitCode.INVALID


def _told(verdict: Verdict) -> dict[str, object]:
    return {
        "policy": verdict.policy,
        "identity": verdict.identity,
        "lacking": list(verdict.lacking),
        "excess": list(verdict.excess),
        "error": None if verdict.error is None else str(verdict.error),
    }


def _names(catalog: Catalog, name: str | None, namespace: str | None) -> Sequence[tuple[str, str]] | None:
    if name is not None:
        document = catalog.external_secret(name, namespace=namespace)
        return [(document.namespace, document.name)]
    if namespace is None:
        return None
    found = [(one.namespace, one.name) for one in catalog.external_secrets if one.namespace == namespace]
    if not found:
        raise ManifestNotFoundError(f'no ExternalSecret in namespace "{namespace}"')
    return found


def _mounts(texts: Sequence[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        path, separator, kind = text.partition("=")
        if not separator or not path.strip("/") or not kind:
            raise typer.BadParameter("--mount expects PATH=TYPE")
        found[path.strip("/")] = kind
    return found


def _account(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    namespace, separator, name = text.partition("/")
    if not separator or not namespace or not name:
        raise typer.BadParameter("--service-account expects NAMESPACE/NAME")
    return namespace, name


def describe(derived: Derived) -> dict[str, object]:
    """Policies as JSON: the stable form of `--format json`."""
    return {
        "policies": [
            {
                "platform": str(one.platform),
                "identity": one.identity,
                "name": one.name,
                "file": f"{one.name}{one.suffix}",
                "policy": one.document,
                "text": one.text,
                "notes": list(one.notes),
            }
            for one in derived.policies
        ],
        "without": list(derived.without),
    }


def write(directory: Path, policies: Sequence[Policy]) -> None:
    """Write each policy to its file.

    Raises:
        ConfigurationError: that is not possible.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for one in policies:
            (directory / f"{one.name}{one.suffix}").write_text(one.text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot write to {directory}: {error.strerror}") from None


def _print_text(policies: Sequence[Policy]) -> None:
    for index, one in enumerate(policies):
        if len(policies) > 1:
            # Several need telling apart; one alone is printed as its platform reads it.
            blank = "\n" if index else ""
            write_text(f"{blank}##### {visible(f'{one.name}{one.suffix}: {one.identity}')}\n")
        write_text(one.text)

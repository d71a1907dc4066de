"""`schema`: JSON Schema of the manifests, for editors."""

from __future__ import annotations

from typing import Annotated

import typer

from virtrigaud_secrets.cli.exit_codes import ExitCode
from virtrigaud_secrets.cli.output import print_json


def schema(
    kind: Annotated[
        str | None, typer.Argument(help="A kind, such as ExternalSecret; all kinds without one.", metavar="[KIND]")
    ] = None,
) -> int:
    """Print the JSON Schema of manifests, so that an editor checks them while they are written."""
    from virtrigaud_secrets.models.json_schema import schema_of, schema_of_all
    from virtrigaud_secrets.models.kinds import KINDS
    from virtrigaud_secrets.models.remarks import nearest

    kinds = {found.name: found for found in KINDS.values()}
    if kind is None:
        print_json(schema_of_all())
    elif kind in kinds:
        print_json(schema_of(kinds[kind]))
    else:
        raise typer.BadParameter(f"no kind of ESO's is called so{nearest(kind, sorted(kinds))}")
    return ExitCode.OK

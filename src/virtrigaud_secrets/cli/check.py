"""`check`: judge manifests. Reads files only."""

from __future__ import annotations

from collections import Counter

from virtrigaud_secrets.cli import options
from virtrigaud_secrets.cli.exit_codes import ExitCode
from virtrigaud_secrets.cli.output import console, print_json, visible


def check(
    path: options.ManifestPath,
    *,
    output_format: options.TextOrJson = options.ReportFormat.TEXT,
    strict: options.Strict = False,
) -> int:
    """Check manifests and print every finding. Exit code 1 where one is an error."""
    from virtrigaud_secrets.manifests import Judgement, inspect

    report = inspect(path, strict=strict)
    if output_format is options.ReportFormat.JSON:
        print_json([verdict.to_json() for verdict in report.verdicts])
    else:
        output = console()
        for finding in report.findings:
            output.print(visible(str(finding)))
        counts = Counter(verdict.verdict for verdict in report.verdicts)
        output.print(", ".join(f"{counts[judgement]} {judgement}" for judgement in Judgement))
    return ExitCode.OK if report.ok else ExitCode.INVALID

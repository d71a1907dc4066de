"""A custom script that needs vCenter credentials: resolve, check, use.

Run it in this directory: `python main.py`.
"""

from __future__ import annotations

import sys

from virtrigaud_secrets import Resolver, SecretsError, Severity


def main() -> int:
    """Resolve the credentials and say where each came from."""
    try:
        with Resolver.from_path("manifests/") as resolver:
            bundle = resolver.resolve("vsphere-credentials", namespace="vsphere-providers")
            serious = [finding for finding in bundle.findings if finding.severity is Severity.ERROR]
            for finding in bundle.findings:
                print(finding, file=sys.stderr)
            if serious:
                return 1
            # Here a real script connects: SmartConnect(host=bundle.text("server"), user=…, pwd=…).
            print(f"would connect to {bundle.text('url')} as {bundle.text('username')}")
            for key, origins in bundle.provenance.items():
                print(f"{key}: {', '.join(origin.path for origin in origins)}")
    except SecretsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Import cost of the package and of its models beside `import pydantic`, best of n, interleaved, as ratios.

python benchmarks/import_time.py [rounds]
"""

from __future__ import annotations

import subprocess
import sys
import time

CANDIDATES = {
    "pydantic": "from pydantic import BaseModel",
    "pydantic and one model of it": (
        "from pydantic import BaseModel, Field; "
        "type('A', (BaseModel,), {'__annotations__': {'a': str}, 'a': Field('', min_length=1)})"
    ),
    "virtrigaud_secrets": "import virtrigaud_secrets",
    "virtrigaud_secrets.Resolver": "from virtrigaud_secrets import Resolver",
    "virtrigaud_secrets.models": "import virtrigaud_secrets.models",
    "the models": "from virtrigaud_secrets.models import external_secret, secret_store",
    "virtrigaud_secrets.manifests": "import virtrigaud_secrets.manifests",
    "virtrigaud_secrets.manifests.load": "from virtrigaud_secrets.manifests import load",
    "virtrigaud_secrets.template": "import virtrigaud_secrets.template",
    "hvac": "import hvac",
}


def seconds(statement: str) -> float:
    """Wall time that a fresh interpreter spends on the statement, told by itself."""
    program = f"import time; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(run.stdout)


def main() -> None:
    """Print one line a candidate."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    best = dict.fromkeys(CANDIDATES, float("inf"))
    for _ in range(rounds):
        for name, statement in CANDIDATES.items():
            best[name] = min(best[name], seconds(statement))
    reference = best["pydantic"]
    print(f"best of {rounds}, Python {sys.version.split()[0]}, {time.strftime('%Y-%m-%d')}")
    for name, spent in best.items():
        print(f"{name:36} {spent * 1000:8.1f} ms {spent / reference:6.2f} x pydantic")


if __name__ == "__main__":
    main()

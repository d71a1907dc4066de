"""A first sync of many ExternalSecrets on a real kube-apiserver and a real OpenBao: reads, time, CPU, memory.

Then the steady state that follows. The sync runs in a process of its own, so that what is measured is its alone.

    python benchmarks/cluster_sync.py [EXTERNAL_SECRETS] [PATHS]
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.stores.cluster_access import read_kubeconfig
from virtrigaud_secrets.stores.cluster_objects import EXTERNAL_SECRETS, SECRET_STORES, SECRETS, ClusterObjects
from virtrigaud_secrets.testing.servers import KubernetesAPI, OpenBao

ENTRIES = 4
STEADY_SECONDS = 20
NAMESPACE = "bench"
MOUNT = "bench"


def main() -> None:
    """Run it."""
    count, paths = (int(word) for word in [*sys.argv[1:], "1000", "50"][:2])
    with KubernetesAPI() as cluster, OpenBao() as openbao:
        objects = ClusterObjects(read_kubeconfig(cluster.kubeconfig(), SystemClock()), timeout=timedelta(seconds=60))
        prepare(cluster, openbao, objects, count, paths)
        measure(cluster, openbao, objects, count)
        objects.close()


def prepare(cluster: KubernetesAPI, openbao: OpenBao, objects: ClusterObjects, count: int, paths: int) -> None:
    """A store with `paths` secrets, and `count` ExternalSecrets of four entries that read them."""
    teach(cluster)
    cluster.create("Namespace", NAMESPACE)
    openbao.mount_versioned_kv(MOUNT)
    for path in range(paths):
        data = {f"key-{entry}": f"value-{path}-{entry}" for entry in range(ENTRIES)}
        openbao.ask("POST", f"{MOUNT}/data/path-{path}", {"data": data})
    token = {"token": openbao.root_token.reveal_text()}
    objects.create(SECRETS, {"metadata": {"name": "bao"}, "stringData": token}, namespace=NAMESPACE)
    auth = {"tokenSecretRef": {"name": "bao", "key": "token"}}
    vault = {"server": openbao.address, "path": MOUNT, "version": "v2", "auth": auth}
    store = {"controller": "virtrigaud-secrets", "provider": {"vault": vault}}
    objects.create(SECRET_STORES, {"metadata": {"name": "store"}, "spec": store}, namespace=NAMESPACE)
    for index in range(count):
        data = [
            {"secretKey": f"key-{entry}", "remoteRef": {"key": f"path-{index % paths}", "property": f"key-{entry}"}}
            for entry in range(ENTRIES)
        ]
        spec = {"secretStoreRef": {"name": "store"}, "refreshInterval": "1h", "data": data}
        objects.create(EXTERNAL_SECRETS, {"metadata": {"name": f"app-{index}"}, "spec": spec}, namespace=NAMESPACE)


def teach(cluster: KubernetesAPI) -> None:
    """ESO's kinds, as far as they are needed."""
    group = "external-secrets.io"
    kinds = {"ExternalSecret": "Namespaced", "SecretStore": "Namespaced", "ClusterSecretStore": "Cluster"}
    for kind, scope in kinds.items():
        plural = f"{kind.lower()}s"
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        version = {"name": "v1", "served": True, "storage": True, "schema": schema, "subresources": {"status": {}}}
        names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
        spec = {"group": group, "scope": scope, "names": names, "versions": [version]}
        body = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}
        path = "apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        cluster.ask("POST", path, {**body, "metadata": {"name": f"{plural}.{group}"}})
        cluster.process.wait_until(lambda plural=plural: served(cluster, group, plural), timeout=timedelta(seconds=30))


def served(cluster: KubernetesAPI, group: str, plural: str) -> bool:
    """Whether the cluster knows a kind."""
    try:
        cluster.ask("GET", f"apis/{group}/v1/{plural}")
    except LocalServerError:
        return False
    return True


def measure(cluster: KubernetesAPI, openbao: OpenBao, objects: ClusterObjects, count: int) -> None:
    """Run the command until all are synced, then a while longer."""
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig())}
    command = [
        sys.executable,
        "-m",
        "virtrigaud_secrets.cli",
        "sync",
        "-n",
        NAMESPACE,
        "--ca-file",
        str(openbao.ca_file),
    ]
    before = len(openbao.audit_entries())
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while ready(objects) < count:
            if process.poll() is not None:
                raise SystemExit(f"the sync ended with {process.returncode}")
            time.sleep(2)  # counting costs the cluster more than a sync of some
        took = time.monotonic() - began
        cpu, memory = used(process.pid)
        reads = {
            key: times
            for key, times in openbao.request_counts(after=before).items()
            if key[1].startswith(f"{MOUNT}/data/")
        }
        print(f"{count} ExternalSecrets of {ENTRIES} entries over {len(reads)} paths")
        print(f"store reads        {sum(reads.values())}")
        print(f"first sync         {took:.1f} s")
        print(f"CPU                {cpu:.1f} s")
        print(f"resident memory    {memory:.0f} MB")
        steady(objects, openbao, process.pid, cpu)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    print(f"most memory        {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB (largest child)")


def steady(objects: ClusterObjects, openbao: OpenBao, pid: int, cpu: float) -> None:
    """What goes on when nothing changes."""
    time.sleep(5)
    version, audited = (
        objects.list(EXTERNAL_SECRETS, namespace=NAMESPACE).resource_version,
        len(openbao.audit_entries()),
    )
    settled, _ = used(pid)
    time.sleep(STEADY_SECONDS)
    changes = 0
    for kind in (EXTERNAL_SECRETS, SECRETS):
        watch = objects.watch(kind, namespace=NAMESPACE, resource_version=version, timeout=timedelta(seconds=2))
        changes += sum(change.kind != "BOOKMARK" for change in watch)
    after, _ = used(pid)
    print(
        f"steady state       {changes} writes and {len(openbao.audit_entries()) - audited} store requests in "
        f"{STEADY_SECONDS} s, {after - settled:.2f} s CPU (settling took {settled - cpu:.1f} s CPU)"
    )


def ready(objects: ClusterObjects) -> int:
    """How many ExternalSecrets are synced."""
    items = cast("list[dict[str, Any]]", list(objects.list(EXTERNAL_SECRETS, namespace=NAMESPACE).items))
    return sum('"True"' in json.dumps(item.get("status", {}).get("conditions", [])) for item in items)


def used(pid: int) -> tuple[float, float]:
    """CPU seconds and resident megabytes of a process."""
    process = Path("/proc") / str(pid)
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    pages = int((process / "statm").read_text().split()[1])
    ticks = os.sysconf("SC_CLK_TCK")
    return (int(fields[11]) + int(fields[12])) / ticks, pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()

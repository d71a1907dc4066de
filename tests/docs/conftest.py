"""The world in which the code of the pages runs: the guide's Vault, and what a page says that it needs besides."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.cluster_objects import DEPLOYMENTS, EXTERNAL_SECRETS
from virtrigaud_secrets.testing import ssh_key
from virtrigaud_secrets.testing.guide_setup import COMMON_NAME, GuideWorld, guide_world, missing_reason
from virtrigaud_secrets.testing.servers import KubernetesAPI, LibvirtDaemon, ProxmoxNode, SshServer, VCenter
from virtrigaud_secrets.testing.servers.controllers import Controllers

RUN_PAGE = Path(__file__).with_name("run_page.py")
EXAMPLES = Path(__file__).parents[2] / "examples"
PASSWORD = "page-canary-" + "5b0e1f"
"""vCenter's. No page shows it."""
DOCS = Path(__file__).parents[2] / "docs"
PROVIDERS = "vsphere-providers"
"""Namespace that a page's cluster has."""
KEEP = ("HOME", "PATH", "TMPDIR", "XDG_CACHE_HOME")
"""What the code of a page inherits."""
PIP = """#!{python}
import re, sys
from importlib.metadata import distribution
from packaging.requirements import Requirement
command, *told = sys.argv[1:]
known = set(distribution("virtrigaud-secrets").metadata.get_all("Provides-Extra"))
for text in [word for word in told if not word.startswith("-")]:
    asked = Requirement(re.sub(r"^\\.", "virtrigaud-secrets", text))
    if command != "install" or asked.name != "virtrigaud-secrets" or asked.extras - known:
        sys.exit(f"no such package or extra: {{text}}")
"""
"""Stands in for pip on the pages: nothing is downloaded, but what is to be installed has to exist."""


def need(reason: str) -> None:
    """Skip the test that asks, or fail it where no gap is allowed."""
    if reason and os.environ.get("VIRTRIGAUD_SECRETS_REQUIRE_SERVERS") == "1":
        pytest.fail(f"a server is required and missing: {reason}", pytrace=False)
    if reason:
        pytest.skip(f"server missing: {reason}")


@dataclass
class Pages:
    """Runs pages in one world."""

    world: GuideWorld
    programs: Path
    servers: ExitStack
    known: dict[str, Mapping[str, str]]

    def run(self, page: Path, directory: Path) -> subprocess.CompletedProcess[str]:
        """Run one page's code in a directory, which gets the guide's manifests."""
        (directory / "pytest.ini").write_text("[pytest]\n")  # where the root is, whatever lies above
        text = page.read_text(encoding="utf-8")
        needs = [
            name for line in re.findall(r"^<!-- needs: (.*) -->$", text, re.MULTILINE) for name in line.split(", ")
        ]
        if "no manifests" not in needs:
            self._copy_manifests(directory)
        variables = {key: os.environ[key] for key in KEEP if key in os.environ} | {
            "PAGE_PROGRAMS": str(self.programs),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "VIRTRIGAUD_SECRETS_ENDPOINTS": ",".join(f"{a}={b}" for a, b in self.world.endpoints.items()),
            "VIRTRIGAUD_SECRETS_CA_FILE": str(self.world.openbao.ca_file),
            "VIRTRIGAUD_SECRETS_SERVICE_ACCOUNT_DIRECTORY": str(self.world.service_account_directory),
        }
        for name in needs:
            variables |= self._variables(name)
        return subprocess.run(
            [sys.executable, "-W", "error", str(RUN_PAGE), str(page)],
            cwd=directory,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )

    def _copy_manifests(self, directory: Path) -> None:
        """The guide's, and what its certificate needs besides, as docs/getting-started.md says."""
        shutil.copytree(self.world.manifests, directory / "manifests")
        issued = directory / "manifests/provider-tls-certs.yaml"
        parameters = f'{{"pki/issue/virtrigaud": {{"common_name": "{COMMON_NAME}", "ttl": "72h"}}}}'
        name = "name: provider-tls-certs\n"
        annotated = f"{name}  annotations: {{secrets.virtrigaud.io/parameters: '{parameters}'}}\n"
        issued.write_text(issued.read_text().replace(name, annotated, 1))

    def _variables(self, server: str) -> Mapping[str, str]:
        """Start a server that a page needs, and say how its code finds it."""
        starts: dict[str, Callable[[], Mapping[str, str]]] = {
            "vcenter": self._vcenter,
            "ssh-agent": self._ssh_agent,
            "cluster": self._cluster,
            "eso": self._eso,
            "emergency": self._emergency,
            "libvirt": self._libvirt,
            "proxmox": self._proxmox,
            "s3": self._s3,
            "no manifests": dict,
            "third-party-store": lambda: {"PYTHONPATH": str(EXAMPLES / "third-party-store/src")},
        }
        if server not in self.known:
            self.known[server] = starts[server]()
        return self.known[server]

    def _vcenter(self) -> Mapping[str, str]:
        need(VCenter.missing_reason())
        server = self.servers.enter_context(VCenter())
        server.set_accounts({"virtrigaud@vsphere.local": [Sensitive(PASSWORD)]})
        data = {
            "server": server.address,
            "username": "virtrigaud@vsphere.local",
            "password": PASSWORD,
            "ca_cert": base64.b64encode(server.ca_pem).decode(),
        }
        self.world.openbao.ask("POST", "secret/data/providers/vsphere", {"data": data})
        return {}

    def _cluster(self) -> Mapping[str, str]:
        need(KubernetesAPI.missing_reason())
        server = self.servers.enter_context(KubernetesAPI())
        server.create("Namespace", PROVIDERS)
        return {"KUBECONFIG": str(server.kubeconfig())}

    def _eso(self) -> Mapping[str, str]:
        """There, the guide's ExternalSecrets, a provider, and controllers that say that they did their work."""
        found = self._variables("cluster")
        controllers = Controllers(Path(found["KUBECONFIG"]), timeout=timedelta(seconds=30))
        controllers.define_kinds()
        for secret in load(self.world.manifests).external_secrets:
            if secret.namespace == PROVIDERS:
                body = {"metadata": {"name": secret.name}, "spec": {}}
                controllers.objects.create(EXTERNAL_SECRETS, body, namespace=PROVIDERS)
        labels = {"app.kubernetes.io/name": "virtrigaud-provider-runtime"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "provider", "image": "provider"}]}}
        spec = {"selector": {"matchLabels": labels}, "template": template}
        deployment = {"metadata": {"name": "provider-vsphere", "labels": labels}, "spec": spec}
        controllers.objects.create(DEPLOYMENTS, deployment, namespace=PROVIDERS)
        self.servers.enter_context(controllers)
        return found

    def _emergency(self) -> Mapping[str, str]:
        """Such a cluster, and an operator's token that may revoke what no page but one hangs on."""
        bao = self.world.openbao
        (policy,) = re.findall(r"```hcl\n(.*?)```", (DOCS / "emergency.md").read_text(), re.DOTALL)
        bao.ask("PUT", "sys/policies/acl/emergency", {"policy": policy})
        made = bao.ask("POST", "auth/token/create", {"policies": ["emergency"], "no_parent": True})
        file = self.programs / "operator-token"
        file.write_text(made["auth"]["client_token"])  # type: ignore[index]
        return {**self._variables("eso"), "VAULT_TOKEN_FILE": str(file)}

    def _libvirt(self) -> Mapping[str, str]:
        need("" if find_spec("libvirt") else "no libvirt-python, which is built against the machine's own libvirt")
        need(SshServer.missing_reason() or LibvirtDaemon.missing_reason())
        server, daemon = self.servers.enter_context(SshServer()), self.servers.enter_context(LibvirtDaemon())
        key = ssh_key(comment="")
        server.authorize(key)
        data = {"private_key": key.private, "public_key": key.public, "known_hosts": server.known_hosts}
        self.world.openbao.ask("POST", "secret/data/libvirt/ssh", {"data": data})
        return {"PAGE_SSH": f"{server.user}@{server.address}", "PAGE_LIBVIRT_SOCKET": str(daemon.socket)}

    def _proxmox(self) -> Mapping[str, str]:
        need("" if find_spec("proxmoxer") else "no proxmoxer, which is in the dependency group `tests`")
        node = self.servers.enter_context(ProxmoxNode())
        node.set_tokens({"virt@pve!provider": Sensitive(PASSWORD)})
        data = {"token_id": "virt@pve!provider", "token_secret": PASSWORD}
        self.world.openbao.ask("POST", "secret/data/providers/proxmox", {"data": data})
        ca_file = self.programs / "pve-root-ca.pem"
        ca_file.write_bytes(node.ca_pem)
        return {"PAGE_PROXMOX": node.address.removeprefix("https://"), "PAGE_PROXMOX_CA": str(ca_file)}

    def _s3(self) -> Mapping[str, str]:
        need("" if find_spec("moto") else "no moto, which is in the dependency group `tests`")
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        self.servers.callback(server.stop)
        data = {"accessKeyID": "AKIAEXAMPLE", "secretAccessKey": PASSWORD}
        self.world.openbao.ask("POST", "secret/data/providers/storage", {"data": data})
        host, port = server.get_host_and_port()
        return {"PAGE_S3": f"http://{host}:{port}"}

    def _ssh_agent(self) -> Mapping[str, str]:
        need("" if shutil.which("ssh-agent") else "no ssh-agent on the PATH")
        place = Path(self.servers.enter_context(tempfile.TemporaryDirectory())) / "agent"
        process = self.servers.enter_context(
            subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.DEVNULL)
        )
        self.servers.callback(process.terminate)
        until = time.monotonic() + 10
        while not place.exists():
            assert time.monotonic() < until, "ssh-agent does not listen"
            time.sleep(0.01)
        return {"SSH_AUTH_SOCK": str(place)}


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    need(missing_reason())
    programs = tmp_path_factory.mktemp("programs")
    (programs / "pip").write_text(PIP.format(python=sys.executable))
    (programs / "pip").chmod(0o755)
    with guide_world() as world, ExitStack() as servers:
        yield Pages(world, programs, servers, {})

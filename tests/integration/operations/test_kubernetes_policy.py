"""The Roles derived from manifests are enough on a real kube-apiserver; without any verb or name something fails."""

from __future__ import annotations

import copy
import secrets
import time
from dataclasses import dataclass

import pytest

from virtrigaud_secrets import Resolver, Sensitive, Settings
from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.operations.policy import Platform, Surroundings, derive
from virtrigaud_secrets.testing.servers import KubernetesAPI

pytestmark = pytest.mark.integration

MANIFESTS = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: remote, namespace: {team}}}
spec:
  provider:
    kubernetes:
      remoteNamespace: {remote}
      server: {{url: "{server}", caProvider: {{type: ConfigMap, name: ca, key: ca.crt}}}}
      auth: {{serviceAccount: {{name: reader}}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: templated, namespace: {team}}}
spec:
  secretStoreRef: {{name: remote}}
  target:
    template:
      templateFrom:
        - configMap: {{name: texts, items: [{{key: text}}]}}
        - secret: {{name: parts, items: [{{key: part}}]}}
  data: [{{secretKey: a, remoteRef: {{key: one, property: a}}}}, {{secretKey: b, remoteRef: {{key: two, property: a}}}}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: sought, namespace: {team}}}
spec:
  secretStoreRef: {{name: remote}}
  dataFrom: [{{find: {{name: {{regexp: ^one}}}}}}]
---
apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: {{name: push, namespace: {team}}}
spec:
  secretStoreRefs: [{{name: remote}}]
  deletionPolicy: Delete
  selector: {{secret: {{name: source}}}}
  data: [{{match: {{secretKey: a, remoteRef: {{remoteKey: pushed, property: {property}}}}}}}]
"""


@dataclass
class World:
    cluster: KubernetesAPI
    team: str
    remote: str
    settings: Settings
    directory: object

    def manifests(self, *, prop="p1", last=False):
        path = self.directory / f"{secrets.token_hex(4)}.yaml"
        text = MANIFESTS.format(team=self.team, remote=self.remote, server=self.cluster.address, property=prop)
        path.write_text(text.rpartition("  data:")[0] + "  data: []\n" if last else text)
        return path

    def derived(self):
        surroundings = Surroundings(service_account=(self.team, "provider"))
        found = derive(
            load(self.manifests()), settings=self.settings, platforms=[Platform.KUBERNETES], surroundings=surroundings
        )
        assert found.faults == ()
        return [document for policy in found.policies for document in policy.document]

    def apply(self, documents):
        """Put roles and bindings in place of those that are there, and wait until the server acts by them."""
        for kind in ("rolebindings", "roles"):
            for namespace in (self.team, self.remote):
                self.cluster.ask("DELETE", f"apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/{kind}")
        for document in documents:
            metadata = document["metadata"]
            place = f"apis/rbac.authorization.k8s.io/v1/namespaces/{metadata['namespace']}"
            self.cluster.ask("POST", f"{place}/{'roles' if document['kind'] == 'Role' else 'rolebindings'}", document)
        marker = {"kind": "User", "name": f"marker-{secrets.token_hex(4)}"}
        self.cluster.grant(marker, namespace=self.team, resource="pods", verbs=("get",))
        time.sleep(0.05)

    def failures(self):
        failed = []
        path = self.manifests()
        for use in (
            lambda resolver: resolver.resolve("templated"),
            lambda resolver: resolver.resolve("sought"),
        ):
            try:
                with Resolver.from_path(path, settings=self.settings) as resolver:
                    use(resolver)
            except SecretsError as error:
                failed.append(str(error))
        try:
            self._push()
        except SecretsError as error:
            failed.append(str(error))
        finally:
            self._tidy()
        return failed

    def _push(self):
        """Create, change, delete what is no longer asked for."""
        report = None
        for path in (self.manifests(), self.manifests(prop="p2"), self.manifests(last=True)):
            with Resolver.from_path(path, settings=self.settings) as resolver:
                report = resolver.push("push", previous=report)

    def _tidy(self):
        from contextlib import suppress

        from virtrigaud_secrets.errors import LocalServerError

        with suppress(LocalServerError):
            self.cluster.ask("DELETE", f"api/v1/namespaces/{self.remote}/secrets/pushed")


@pytest.fixture
def world(cluster, tmp_path):
    team, remote = f"team-{secrets.token_hex(4)}", f"remote-{secrets.token_hex(4)}"
    for name in (team, remote):
        cluster.create("Namespace", name)
    for name in ("provider", "reader"):
        cluster.create("ServiceAccount", name, namespace=team)
    cluster.create("ConfigMap", "ca", namespace=team, data={"ca.crt": cluster.ca_pem.decode()})
    cluster.create("ConfigMap", "texts", namespace=team, data={"text": "{{ .a }}"})
    cluster.create("Secret", "parts", namespace=team, stringData={"part": "{{ .b }}"})
    cluster.create("Secret", "source", namespace=team, stringData={"a": "v"})
    for name in ("one", "two"):
        cluster.create("Secret", name, namespace=remote, stringData={"a": "v"})
    token: Sensitive = cluster.service_account_token("provider", namespace=team)
    settings = Settings(kubeconfig=cluster.kubeconfig(token=token), service_account_tokens="token-request")
    return World(cluster, team, remote, settings, tmp_path)


def lines(documents):
    """Every verb and every name of every rule, as what to take away."""
    for index, document in enumerate(documents):
        for number, rule in enumerate(document.get("rules", [])):
            for part in ("verbs", "resourceNames"):
                for value in rule.get(part, []):
                    yield index, number, part, value


def without(documents, index, number, part, value):
    changed = copy.deepcopy(documents)
    rules = changed[index]["rules"]
    rules[number][part].remove(value)
    if not rules[number][part]:
        # Without a name at all a rule would be for every name.
        del rules[number]
    return changed


def test_the_derived_roles_are_enough_and_none_of_their_lines_is_needless(world):
    documents = world.derived()
    world.apply(documents)
    assert world.failures() == []
    needless = []
    for line in list(lines(documents)):
        world.apply(without(documents, *line))
        if not world.failures():
            rule = documents[line[0]]["rules"][line[1]]
            needless.append((rule["resources"], line[2], line[3]))
    assert needless == []

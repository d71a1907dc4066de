"""AWS: the least that a store's role needs, as an IAM policy; of a chain of roles, one for each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from virtrigaud_secrets.models.backends.aws import AWSProvider
from virtrigaud_secrets.models.generators.ecr import ECRAuthorizationTokenSpec
from virtrigaud_secrets.models.generators.sts import STSSessionTokenSpec
from virtrigaud_secrets.operations.policy.demands import Demand, Write
from virtrigaud_secrets.operations.policy.document import Platform, Policy, name_of
from virtrigaud_secrets.operations.policy.patterns import literal_start
from virtrigaud_secrets.stores.base import Query

VERSION: Final = "2012-10-17"
"""Version of the policy language."""
SUFFIX: Final = "-??????"
"""What AWS puts behind a secret's name in its ARN: a dash and six characters."""
_SUFFIXED: Final = re.compile(r"-[A-Za-z0-9]{6}$")
_ACCOUNT: Final = re.compile(r"^arn:[^:]*:iam::(\d{12}):")
_KMS: Final = "a secret under a key of your own needs kms:Decrypt on that key as well"

_SPECIAL: Final = re.compile(r"[*?$]")
"""What stands for something else than itself in a policy's resources, and for itself as `${*}`, `${?}` and `${$}`."""

Spec = AWSProvider | STSSessionTokenSpec | ECRAuthorizationTokenSpec


@dataclass(slots=True)
class _Statements:
    """Statements of one policy: condition and resources → actions."""

    found: dict[tuple[str, str], tuple[set[str], set[str]]] = field(
        default_factory=dict[tuple[str, str], tuple[set[str], set[str]]]
    )
    """Name and condition as JSON → actions and resources."""

    def allow(self, sid: str, actions: Iterable[str], *resources: str, condition: object = None) -> None:
        known = self.found.setdefault((sid, json.dumps(condition, sort_keys=True)), (set(), set()))
        known[0].update(actions)
        known[1].update(resources)

    def as_json(self) -> dict[str, object]:
        statements: list[dict[str, object]] = []
        for number, ((sid, condition), (actions, resources)) in enumerate(sorted(self.found.items())):
            same = sum(other == sid for other, _ in sorted(self.found)[:number])
            statement: dict[str, object] = {
                "Sid": f"{sid}{same + 1 if same else ''}",
                "Effect": "Allow",
                "Action": sorted(actions),
                "Resource": sorted(resources),
            }
            if condition != "null":
                statement["Condition"] = json.loads(condition)
            statements.append(statement)
        return {"Version": VERSION, "Statement": statements}


def policies_of(demand: Demand, *, account: str = "") -> list[Policy]:
    """The policies for a store's roles: of the last one what it reads, of those before it that they assume the next.

    Args:
        demand: what is asked of the store.
        account: number of the account whose secrets they are; by default that of the store's role, else any.
    """
    spec = demand.spec
    if not isinstance(spec, (AWSProvider, STSSessionTokenSpec, ECRAuthorizationTokenSpec)):
        raise TypeError(type(spec).__name__)
    chain = [*(spec.additional_roles if isinstance(spec, AWSProvider) else ()), *([spec.role] if spec.role else [])]
    found: list[Policy] = []
    who = f"the AWS identity that {demand.key} begins with"
    for number, role in enumerate(chain):
        statements = _Statements()
        actions = ["sts:AssumeRole"]
        if isinstance(spec, AWSProvider) and number == len(chain) - 1 and _has_tags(spec):
            actions.append("sts:TagSession")
        statements.allow("AssumeRole", actions, _literal(role))
        found.append(_policy(demand, statements, who, f"assume-{number + 1}", ()))
        who = f"the role {role}"
    known = account or next((match[1] for role in reversed(chain) if (match := _ACCOUNT.match(role))), "")
    gathering = _Gathering(demand, known or "*")
    gathering.gather(spec)
    if gathering.statements.found:
        notes = (*demand.notes, *gathering.notes)
        if not known:
            notes = (*notes, "the account is not told, so any is meant: --aws-account narrows it")
        found.append(_policy(demand, gathering.statements, who, "", notes))
    return found


def _policy(demand: Demand, statements: _Statements, who: str, more: str, notes: tuple[str, ...]) -> Policy:
    document = statements.as_json()
    return Policy(
        platform=Platform.AWS,
        identity=f"{who} ({demand.key})" if str(demand.key) not in who else who,
        name=name_of(Platform.AWS, demand.key, more),
        suffix=".json",
        text=json.dumps(document, indent=2) + "\n",
        document=document,
        notes=tuple(dict.fromkeys(notes)),
    )


def _has_tags(spec: AWSProvider) -> bool:
    return bool(spec.session_tags) or spec.session_tags_policy != "None"


class _Gathering:
    """The statements of the role that reads."""

    def __init__(self, demand: Demand, account: str) -> None:
        self._demand = demand
        self._account = account
        self.statements = _Statements()
        self.notes: list[str] = []

    def gather(self, spec: Spec) -> None:
        if isinstance(spec, ECRAuthorizationTokenSpec):
            if spec.scope == "public":
                self.statements.allow("Login", ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"], "*")
            else:
                self.statements.allow("Login", ["ecr:GetAuthorizationToken"], "*")
        elif isinstance(spec, AWSProvider):
            services = {
                "SecretsManager": self._secrets_manager,
                "ParameterStore": self._parameter_store,
                "CertificateManager": self._certificate_manager,
            }
            services[spec.service](spec)
        # GetSessionToken needs no permission.

    # Secrets Manager

    def _secrets_manager(self, spec: AWSProvider) -> None:
        plain = 0
        for preview, _ in self._demand.reads:
            self.statements.allow("Read", [f"secretsmanager:{preview.method}"], self._secret(spec, preview.path))
            plain += preview.method == "GetSecretValue" and not preview.fetch.version
        if plain > 1:
            # By itself it shows nothing: each secret needs GetSecretValue too.
            self.statements.allow("ReadInOneCall", ["secretsmanager:BatchGetSecretValue"], "*")
        for query, _ in self._demand.searches:
            self._search_secrets(spec, query)
        for write, _ in self._demand.writes:
            self._write_secret(spec, write)
        self.notes.append(_KMS)

    def _search_secrets(self, spec: AWSProvider, query: Query) -> None:
        by_filter = bool(query.path) or not query.name
        # With a filter, names and values come by one call; else what was listed is read in as few calls as may be.
        self.statements.allow("Search", ["secretsmanager:ListSecrets", "secretsmanager:BatchGetSecretValue"], "*")
        start = query.path or literal_start(query.name)
        if query.path and literal_start(query.name).startswith(query.path):
            start = literal_start(query.name)
        # Without a path, ESO puts the prefix before names that have it already.
        name = _literal(start if by_filter else f"{spec.prefix or ''}{start}")
        tags = {f"aws:ResourceTag/{key}": value for key, value in query.tags}
        self.statements.allow(
            "ReadFound",
            ["secretsmanager:GetSecretValue"],
            self._arn(spec, "secretsmanager", f"secret:{name}*"),
            condition={"StringEquals": tags} if tags else None,
        )

    def _write_secret(self, spec: AWSProvider, write: Write) -> None:
        resource = self._secret(spec, f"{spec.prefix or ''}{write.key}")
        actions = ["CreateSecret", "DescribeSecret", "GetSecretValue", "PutSecretValue", "TagResource"]
        actions += ["DeleteSecret"] if write.deletes else []
        if write.metadata:
            actions += ["UntagResource", "GetResourcePolicy", "PutResourcePolicy"]
            self.notes.append("replicas need ReplicateSecretToRegions and RemoveRegionsFromReplication as well")
        self.statements.allow("Write", [f"secretsmanager:{action}" for action in actions], resource)

    def _secret(self, spec: AWSProvider, name: str) -> str:
        name = _literal(name)
        if name.startswith("arn:"):
            return name if _SUFFIXED.search(name) else f"{name}{SUFFIX}"
        return self._arn(spec, "secretsmanager", f"secret:{name}{SUFFIX}")

    # Parameter Store

    def _parameter_store(self, spec: AWSProvider) -> None:
        plain = 0
        for preview, _ in self._demand.reads:
            name = preview.path if preview.fetch.metadata else f"{spec.prefix or ''}{preview.fetch.key}"
            self.statements.allow("Read", [f"ssm:{preview.method}"], self._parameter(spec, name))
            plain += preview.method == "GetParameter" and not preview.fetch.version
        if plain > 1:
            resources = {
                self._parameter(spec, preview.path)
                for preview, _ in self._demand.reads
                if preview.method == "GetParameter" and not preview.fetch.version
            }
            self.statements.allow("ReadInOneCall", ["ssm:GetParameters"], *resources)
        for query, _ in self._demand.searches:
            self._search_parameters(spec, query)
        for write, _ in self._demand.writes:
            actions = ["AddTagsToResource", "GetParameter", "ListTagsForResource", "PutParameter"]
            actions += ["RemoveTagsFromResource"] if write.metadata else []
            actions += ["DeleteParameter"] if write.deletes else []
            name = f"{spec.prefix or ''}{write.key}"
            self.statements.allow("Write", [f"ssm:{action}" for action in actions], self._parameter(spec, name))
        self.notes.append(_KMS)

    def _search_parameters(self, spec: AWSProvider, query: Query) -> None:
        path = query.path.rstrip("/")
        below = self._parameter(spec, path, "/*")
        if query.name:
            self.statements.allow("Search", ["ssm:GetParametersByPath"], below, self._parameter(spec, path))
            return
        self.statements.allow("Search", ["ssm:DescribeParameters"], "*")
        tags = {f"aws:ResourceTag/{key}": value for key, value in query.tags}
        self.statements.allow(
            "ReadFound",
            ["ssm:GetParameter"],
            below if path else self._parameter(spec, "", "*"),
            condition={"StringEquals": tags},
        )

    def _parameter(self, spec: AWSProvider, name: str, more: str = "") -> str:
        name = _literal(name) + more
        return name if name.startswith("arn:") else self._arn(spec, "ssm", f"parameter/{name.lstrip('/')}")

    # Certificate Manager

    def _certificate_manager(self, spec: AWSProvider) -> None:
        del spec
        for preview, _ in self._demand.reads:
            self.statements.allow("Export", ["acm:ExportCertificate", "acm:GetCertificate"], _literal(preview.path))

    def _arn(self, spec: AWSProvider, service: str, resource: str) -> str:
        return f"arn:{_partition(spec.region)}:{service}:{spec.region}:{self._account}:{resource}"


def _literal(name: str) -> str:
    """A name from a manifest as it stands in a policy: a `*` in it must not come to mean every secret."""
    return _SPECIAL.sub(r"${\g<0>}", name)


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"

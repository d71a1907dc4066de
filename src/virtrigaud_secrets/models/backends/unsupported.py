"""Specs of the backends that ESO has and this library has not: their fields, so that their stores are judged as by ESO.

Nothing here reads a secret. A field whose name ends in `!` is required; a mapping is a nested object.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, Literal, Self, cast

from pydantic import ConfigDict, Field, create_model, model_validator
from pydantic_core import PydanticCustomError

from virtrigaud_secrets.models.backends.kubernetes import KubernetesAuth, KubernetesServer
from virtrigaud_secrets.models.base import (
    Base64,
    Bool,
    DurationText,
    Int64,
    Key,
    Model,
    Name,
    Namespace,
    NonEmpty,
    Positive,
)
from virtrigaud_secrets.models.references import CAProvider, SecretKeySelector, ServiceAccountSelector
from virtrigaud_secrets.models.rules import ONE_FIELD, exactly_one, one_of


class UnsupportedProvider(Model):
    """The spec of a backend that is known and that nothing here can read: kept as data."""

    model_config = ConfigDict(extra="allow")

    only_of_eso: ClassVar[bool] = True
    """Tells it from the models of backends that can be read."""


class KnownProvider(UnsupportedProvider):
    """One whose fields are known as well."""

    model_config = ConfigDict(extra="forbid")


class OneField(dict[str, object]):
    """Fields of which exactly one is set."""


class Items(dict[str, object]):
    """Fields of each item of a list."""


_TEXT: Final = str
_SECRET: Final = SecretKeySelector
_ACCOUNT: Final = ServiceAccountSelector
_AUTHORITY: Final = CAProvider
_VALUE: Final = {"value": _TEXT, "secretRef": _SECRET}
_CERTIFICATE: Final = {"certSecretRef": _SECRET}
_IDENTITY: Final = {"identityId!": _SECRET}
_SELECTOR: Final = {"name": Name, "namespace": Namespace, "key": Key}
_YANDEX: Final = {
    "apiEndpoint": _TEXT,
    "auth!": {"authorizedKeySecretRef": _SECRET},
    "caProvider": _CERTIFICATE,
    "fetching": OneField({"byID": {}, "byName": {"folderID!": _TEXT}}),
}

FIELDS: Final[Mapping[str, Mapping[str, object]]] = MappingProxyType(
    {
        "akeyless": {
            "akeylessGWApiURL!": _TEXT,
            "authSecretRef!": {
                "secretRef": {"accessID": _SECRET, "accessType": _SECRET, "accessTypeParam": _SECRET},
                "kubernetesAuth": {
                    "accessID!": _TEXT,
                    "k8sConfName!": _TEXT,
                    "secretRef": _SECRET,
                    "serviceAccountRef": _ACCOUNT,
                },
            },
            "caBundle": Base64,
            "caProvider": _AUTHORITY,
        },
        "alibaba": {
            "auth!": {
                "secretRef": {"accessKeyIDSecretRef!": _SECRET, "accessKeySecretSecretRef!": _SECRET},
                "rrsa": {
                    "oidcProviderArn!": _TEXT,
                    "oidcTokenFilePath!": _TEXT,
                    "roleArn!": _TEXT,
                    "sessionName!": _TEXT,
                },
            },
            "regionID!": _TEXT,
        },
        "barbican": {
            "auth!": {
                "authType": Literal["password", "applicationCredential"],
                "username": OneField(_VALUE),
                "password": {"secretRef!": _SECRET},
                "applicationCredentialID": OneField(_VALUE),
                "applicationCredentialSecret": {"secretRef!": _SECRET},
            },
            "authURL": _TEXT,
            "domainName": _TEXT,
            "region": _TEXT,
            "tenantName": _TEXT,
        },
        "beyondtrust": {
            "auth!": {
                "apiKey": _VALUE,
                "certificate": _VALUE,
                "certificateKey": _VALUE,
                "clientId": _VALUE,
                "clientSecret": _VALUE,
            },
            "server!": {
                "apiUrl!": _TEXT,
                "apiVersion": _TEXT,
                "clientTimeOutSeconds": Int64,
                "decrypt": Bool,
                "retrievalType": _TEXT,
                "separator": _TEXT,
                "verifyCA!": Bool,
            },
        },
        "beyondtrustworkloadcredentials": {
            "auth!": {"apikey!": {"token!": _SECRET}},
            "server!": {"apiUrl!": _TEXT, "siteId!": _TEXT},
            "folderPath": _TEXT,
            "caBundle": Base64,
            "caProvider": _AUTHORITY,
        },
        "bitwardensecretsmanager": {
            "apiURL": _TEXT,
            "auth!": {"secretRef!": {"credentials!": _SECRET}},
            "bitwardenServerSDKURL": _TEXT,
            "caBundle": _TEXT,
            "caProvider": _AUTHORITY,
            "identityURL": _TEXT,
            "organizationID!": _TEXT,
            "projectID!": _TEXT,
        },
        "chef": {
            "auth!": {"secretRef!": {"privateKeySecretRef!": _SECRET}},
            "serverUrl!": _TEXT,
            "username!": _TEXT,
        },
        "cloudrusm": {
            "auth!": {"secretRef": {"accessKeyIDSecretRef!": _SECRET, "accessKeySecretSecretRef!": _SECRET}},
            "projectID": _TEXT,
        },
        "conjur": {
            "auth!": {
                "apikey": {"account!": _TEXT, "apiKeyRef!": _SECRET, "userRef!": _SECRET},
                "jwt": {
                    "account!": _TEXT,
                    "hostId": _TEXT,
                    "secretRef": _SECRET,
                    "serviceAccountRef": _ACCOUNT,
                    "serviceID!": _TEXT,
                },
                "cert": {
                    "account!": _TEXT,
                    "clientCertRef!": _SECRET,
                    "clientKeyRef!": _SECRET,
                    "hostId": _TEXT,
                    "serviceID!": _TEXT,
                },
            },
            "caBundle": _TEXT,
            "caProvider": _AUTHORITY,
            "url!": _TEXT,
        },
        "crd": {
            "auth": KubernetesAuth,
            "authRef": _SECRET,
            "remoteNamespace": Namespace,
            "resource!": {"group!": _TEXT, "kind!": NonEmpty, "version!": NonEmpty},
            "server": KubernetesServer,
            "serviceAccountRef": _ACCOUNT,
            "whitelist": {"rules": Items({"name": _TEXT, "namespace": _TEXT, "properties": tuple[str, ...]})},
        },
        "delinea": {
            "clientId!": _VALUE,
            "clientSecret!": _VALUE,
            "tenant!": _TEXT,
            "tld": _TEXT,
            "urlTemplate": _TEXT,
        },
        "device42": {"auth!": {"secretRef!": {"credentials": _SECRET}}, "host!": _TEXT},
        "doppler": {
            "auth!": OneField(
                {
                    "secretRef": {"dopplerToken!": _SECRET},
                    "oidcConfig": {"expirationSeconds": Int64, "identity!": _TEXT, "serviceAccountRef!": _ACCOUNT},
                }
            ),
            "config": _TEXT,
            "format": Literal["json", "dotnet-json", "env", "yaml", "docker"],
            "nameTransformer": Literal["upper-camel", "camel", "lower-snake", "tf-var", "dotnet-env", "lower-kebab"],
            "project": _TEXT,
        },
        "dvls": {
            "auth!": {"secretRef!": {"appId!": _SECRET, "appSecret!": _SECRET}},
            "insecure": Bool,
            "serverUrl!": _TEXT,
        },
        "fortanix": {
            "apiKey": {"secretRef": _SECRET},
            "apiUrl": _TEXT,
            "caBundle": Base64,
            "caProvider": _AUTHORITY,
        },
        "github": {
            "appID!": Int64,
            "auth!": {"privateKey!": _SECRET},
            "environment": _TEXT,
            "installationID!": Int64,
            "orgSecretVisibility": Literal["all", "private"],
            "organization!": _TEXT,
            "repository": _TEXT,
            "uploadURL": _TEXT,
            "url": _TEXT,
        },
        "gitlab": {
            "auth!": {"SecretRef!": {"accessToken": _SECRET}},
            "caBundle": Base64,
            "caProvider": _AUTHORITY,
            "environment": _TEXT,
            "groupIDs": tuple[str, ...],
            "inheritFromGroups": Bool,
            "projectID": _TEXT,
            "url": _TEXT,
        },
        "ibm": {
            "auth!": OneField(
                {
                    "containerAuth": {"iamEndpoint": _TEXT, "profile!": _TEXT, "tokenLocation": _TEXT},
                    "secretRef": {"iamEndpoint": _TEXT, "secretApiKeySecretRef": _SECRET},
                }
            ),
            "serviceUrl": _TEXT,
        },
        "infisical": {
            "auth!": {
                "awsAuthCredentials": {"identityId!": {**_VALUE, **_SELECTOR}},
                "azureAuthCredentials": {**_IDENTITY, "resource": _SECRET},
                "gcpIamAuthCredentials": {**_IDENTITY, "serviceAccountKeyFilePath!": _SECRET},
                "gcpIdTokenAuthCredentials": _IDENTITY,
                "jwtAuthCredentials": {**_IDENTITY, "jwt!": _SECRET},
                "kubernetesAuthCredentials": {**_IDENTITY, "serviceAccountTokenPath": _SECRET},
                "ldapAuthCredentials": {**_IDENTITY, "ldapPassword!": _SECRET, "ldapUsername!": _SECRET},
                "ociAuthCredentials": {
                    **_IDENTITY,
                    "fingerprint!": _SECRET,
                    "privateKey!": _SECRET,
                    "privateKeyPassphrase": _SECRET,
                    "region!": _SECRET,
                    "tenancyId!": _SECRET,
                    "userId!": _SECRET,
                },
                "tokenAuthCredentials": {"accessToken!": _SECRET},
                "universalAuthCredentials": {"clientId!": _SECRET, "clientSecret!": _SECRET},
            },
            "caBundle": Base64,
            "caProvider": _AUTHORITY,
            "hostAPI": _TEXT,
            "secretsScope!": {
                "environmentSlug!": _TEXT,
                "expandSecretReferences": Bool,
                "projectSlug!": _TEXT,
                "recursive": Bool,
                "secretsPath": _TEXT,
            },
        },
        "keepersecurity": {"authRef!": _SECRET, "folderID!": _TEXT},
        "nebiusmysterybox": {
            "apiDomain!": _TEXT,
            "auth!": {"serviceAccountCredsSecretRef": _SECRET, "tokenSecretRef": _SECRET},
            "caProvider": _CERTIFICATE,
        },
        "ngrok": {
            "apiUrl": _TEXT,
            "auth!": OneField({"apiKey": {"secretRef": _SECRET}}),
            "vault!": {"name!": _TEXT},
        },
        "onboardbase": {
            "apiHost": _TEXT,
            "auth!": {"apiKeyRef!": _SECRET, "passcodeRef!": _SECRET},
            "environment": _TEXT,
            "project": _TEXT,
        },
        "onepassword": {
            "auth!": {"secretRef!": {"connectTokenSecretRef!": _SECRET}},
            "connectHost!": _TEXT,
            "vaults!": Mapping[str, Int64],
        },
        "onepasswordSDK": {
            "auth!": {"serviceAccountSecretRef!": _SECRET},
            "cache": {"maxSize": Positive, "ttl": DurationText},
            "integrationInfo": {"name": _TEXT, "version": _TEXT},
            "vault!": _TEXT,
        },
        "oracle": {
            "auth": {
                "secretRef!": {"fingerprint!": _SECRET, "privatekey!": _SECRET},
                "tenancy!": _TEXT,
                "user!": _TEXT,
            },
            "compartment": _TEXT,
            "deletionGracePeriod": DurationText,
            "encryptionKey": _TEXT,
            "principalType": Literal["", "UserPrincipal", "InstancePrincipal", "Workload"],
            "region!": _TEXT,
            "serviceAccountRef": _ACCOUNT,
            "vault!": _TEXT,
        },
        "ovh": {
            "auth!": {
                "mtls": {
                    "caBundle": Base64,
                    "caProvider": _AUTHORITY,
                    "certSecretRef!": _SECRET,
                    "keySecretRef!": _SECRET,
                },
                "token": {"tokenSecretRef!": _SECRET},
            },
            "casRequired": Bool,
            "okmsTimeout": Int64,
            "okmsid!": _TEXT,
            "server!": _TEXT,
        },
        "passbolt": {"auth!": {"passwordSecretRef!": _SECRET, "privateKeySecretRef!": _SECRET}, "host!": _TEXT},
        "passworddepot": {"auth!": {"secretRef!": {"credentials": _SECRET}}, "database!": _TEXT, "host!": _TEXT},
        "previder": {"auth!": {"secretRef": {"accessToken!": _SECRET}}, "baseUri": _TEXT},
        "pulumi": {
            "accessToken": {"secretRef": _SECRET},
            "apiUrl": _TEXT,
            "auth": OneField(
                {
                    "accessToken": {"secretRef": _SECRET},
                    "oidcConfig": {
                        "expirationSeconds": Annotated[Int64, Field(ge=600)],
                        "organization!": _TEXT,
                        "serviceAccountRef!": _ACCOUNT,
                    },
                }
            ),
            "environment!": _TEXT,
            "organization!": _TEXT,
            "project!": _TEXT,
        },
        "scaleway": {
            "accessKey!": _VALUE,
            "apiUrl": _TEXT,
            "projectId!": _TEXT,
            "region!": _TEXT,
            "secretKey!": _VALUE,
        },
        "secretserver": {
            "caBundle": Base64,
            "caProvider": _AUTHORITY,
            "domain": _TEXT,
            "password": _VALUE,
            "serverURL!": _TEXT,
            "token": _VALUE,
            "username": _VALUE,
        },
        "senhasegura": {
            "auth!": {"clientId!": _TEXT, "clientSecretSecretRef!": _SECRET},
            "ignoreSslCertificate": Bool,
            "module!": _TEXT,
            "url!": _TEXT,
        },
        "volcengine": {
            "auth": {"secretRef": {"accessKeyID!": _SECRET, "secretAccessKey!": _SECRET, "token": _SECRET}},
            "region!": _TEXT,
        },
        "yandexcertificatemanager": _YANDEX,
        "yandexlockbox": _YANDEX,
    }
)
"""Key under `spec.provider` → the fields below it."""


@cache
def unsupported_model(name: str) -> type[UnsupportedProvider]:
    """What the spec of a backend without support is read as."""
    return _model(name, FIELDS[name], _RULES.get(name, KnownProvider)) if name in FIELDS else UnsupportedProvider


def _model(name: str, fields: Mapping[str, object], base: type[Model]) -> Any:  # a model made at run time has no type
    definitions: dict[str, Any] = {}
    for written, kind in fields.items():
        alias = written.rstrip("!")
        annotation: Any = kind
        if isinstance(kind, Mapping):
            annotation = _model(f"{name}.{alias}", cast("Mapping[str, object]", kind), Model)
        if isinstance(kind, Items):
            annotation = tuple[annotation, ...]
        # What is not read is not shown either: some of these fields hold values.
        if written.endswith("!"):
            definitions[alias] = (annotation, Field(alias=alias, repr=False))
        else:
            definitions[alias] = (annotation | None, Field(default=None, alias=alias, repr=False))
    return create_model(name, __base__=_OneFieldModel if isinstance(fields, OneField) else base, **definitions)


class _OneFieldModel(Model):
    """A part of which exactly one field is set."""

    model_config = ConfigDict(json_schema_extra=ONE_FIELD)

    @model_validator(mode="after")
    def _one_field(self) -> Self:
        return exactly_one(self, *type(self).model_fields)


class _CRDModel(KnownProvider):
    """Reads objects of a cluster as one account: of its own kubeconfig, or with a login beside an account to act as."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["auth", "authRef"]}})

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        given = [name for name in ("serviceAccountRef", "auth", "authRef") if getattr(self, name) is not None]
        if not given or {"auth", "authRef"} <= set(given):
            raise PydanticCustomError("crd_login", "expected serviceAccountRef, or one of auth and authRef, or both")
        return self


class _PulumiModel(KnownProvider):
    """A login, or the access token alone as it was before there were other logins."""

    model_config = ConfigDict(json_schema_extra=one_of("auth", "accessToken"))

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        return exactly_one(self, "auth", "accessToken")


class _SecretServerModel(KnownProvider):
    """A user with a password, or an access token in place of both."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["token"]}, {"required": ["username", "password"]}]}
    )

    @model_validator(mode="after")
    def _has_login(self) -> Self:
        given = {name for name in ("username", "password", "token") if getattr(self, name) is not None}
        if "token" in given or {"username", "password"} <= given:
            return self
        raise PydanticCustomError("secret_server_login", "expected username and password, or token")


_RULES: Final[Mapping[str, type[KnownProvider]]] = MappingProxyType(
    {"crd": _CRDModel, "pulumi": _PulumiModel, "secretserver": _SecretServerModel}
)
"""Key under `spec.provider` → what is more than its fields."""

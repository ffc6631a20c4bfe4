"""A broker that demands TLS, a login and rights, with a certificate authority and a token issuer of its own."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from pydantic import SecretStr

from slotstream_servicekit.infrastructure.kafka import SINGLE_BROKER, SMALL, KafkaProcess
from slotstream_servicekit.infrastructure.processes import free_port
from slotstream_servicekit.kafka import KafkaConnection, PasswordLogin, Tls
from slotstream_servicekit.kafka.connection import PasswordMechanism
from slotstream_servicekit.signing import LOCAL_AUDIENCE, LOCAL_ISSUER, SigningKey, ensure_signing_key, sign_token
from slotstream_servicekit.testing.brokers import wait_for_kafka
from slotstream_servicekit.testing.certificates import CertificateAuthority
from slotstream_servicekit.testing.infrastructure import KAFKA_IMAGE, ContainerKafka, cache_folder, choice
from slotstream_servicekit.topics import admin_client

ADMIN: Final = "admin"
_ADMIN_PASSWORD: Final = "the administrator's"  # noqa: S105 - of a broker that lives for one test run
_SCRAM: Final[Mapping[str, ScramMechanism]] = {
    "SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256,
    "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512,
}
_MODULES: Final = "org.apache.kafka.common.security"
_CONTAINER_FOLDER: Final = "/tmp"  # noqa: S108 - inside a container of our own
# The image's own command knows key stores with passwords only.
_CONTAINER_COMMAND: Final = """
cd /tmp
printf %s "$PROPERTIES" >server.properties
printf %s "$KEY_STORE" >broker.pem
printf %s "$TRUST_STORE" >ca.pem
printf %s "$JWKS" >jwks.json
kafka() { java -Xmx512M $JAVA_OPTIONS -cp '/opt/kafka/libs/*' "$@"; }
[ -e data/meta.properties ] || kafka kafka.tools.StorageTool format -t 5L6g3nShT-eMCtK--X86sw -c server.properties
kafka kafka.Kafka server.properties
"""


@dataclass(frozen=True, slots=True)
class SecuredKafka:
    """The running broker and what its clients need; users are made on demand."""

    port: int
    certificate_port: int
    folder: Path
    authority: CertificateAuthority = field(default_factory=CertificateAuthority)

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def tls(self) -> Tls:
        return Tls(ca_file=self.folder / "ca.pem")

    @property
    def signing_key(self) -> SigningKey:
        """Whose tokens the broker accepts; the principal is their subject."""
        return ensure_signing_key(self.folder)

    def access_token(self, subject: str) -> str:
        return sign_token(self.signing_key, organization_id=UUID(int=0), subject=subject)

    def with_login(self, login: Any) -> KafkaConnection:
        return KafkaConnection(self.bootstrap_servers, self.tls, login)

    @property
    def administrator(self) -> KafkaConnection:
        """Who may do everything."""
        return self.with_login(PasswordLogin(mechanism="PLAIN", username=ADMIN, password=SecretStr(_ADMIN_PASSWORD)))

    def user(
        self, name: str, *, password: str | None = None, mechanism: PasswordMechanism = "SCRAM-SHA-512"
    ) -> KafkaConnection:
        """A user with a SCRAM password, made or changed; it has no rights by itself."""
        password = password or f"{name}'s password"
        upsertion = UserScramCredentialUpsertion(name, ScramCredentialInfo(_SCRAM[mechanism], 4096), password.encode())
        admin = admin_client(self.administrator)
        for answer in admin.alter_user_scram_credentials([upsertion]).values():
            answer.result(timeout=30)
        kafka = self.with_login(PasswordLogin(mechanism=mechanism, username=name, password=SecretStr(password)))
        # The controller knows the password. The broker learns it a moment later, and refuses the login until then.
        admin_client(kafka).list_topics(timeout=30)
        return kafka

    def certified(self, name: str) -> KafkaConnection:
        """A user who is known by its certificate and logs in no further."""
        pair = self.folder / f"{name}.pem"
        pair.write_text(self.authority.issue(name))
        tls = Tls(ca_file=self.tls.ca_file, certificate_file=pair)
        return KafkaConnection(f"127.0.0.1:{self.certificate_port}", tls)

    def properties(self, *, folder: str, controller_port: int, inner_port: int, address: str) -> dict[str, str]:
        """The broker's configuration, its files in `folder`."""
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
            "listeners": (
                f"SECURED://{address}:{self.port},CERTIFIED://{address}:{self.certificate_port},"
                f"INNER://127.0.0.1:{inner_port},CONTROLLER://127.0.0.1:{controller_port}"
            ),
            "advertised.listeners": (
                f"SECURED://127.0.0.1:{self.port},CERTIFIED://127.0.0.1:{self.certificate_port},"
                f"INNER://127.0.0.1:{inner_port}"
            ),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "INNER",
            "listener.security.protocol.map": ("SECURED:SASL_SSL,CERTIFIED:SSL,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT"),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # Nobody is anonymous but the broker itself, whose own listeners are not reachable from outside.
            "super.users": f"User:{ADMIN};User:ANONYMOUS",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": f"{folder}/broker.pem",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": f"{folder}/ca.pem",
            "listener.name.certified.ssl.client.auth": "required",
            "listener.name.certified.ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/",
            "listener.name.secured.sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER",
            "listener.name.secured.plain.sasl.jaas.config": (
                f'{_MODULES}.plain.PlainLoginModule required user_{ADMIN}="{_ADMIN_PASSWORD}";'
            ),
            "listener.name.secured.scram-sha-256.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;",
            "listener.name.secured.scram-sha-512.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;",
            "listener.name.secured.oauthbearer.sasl.jaas.config": (
                f"{_MODULES}.oauthbearer.OAuthBearerLoginModule required;"
            ),
            "listener.name.secured.oauthbearer.sasl.server.callback.handler.class": (
                f"{_MODULES}.oauthbearer.OAuthBearerValidatorCallbackHandler"
            ),
            "sasl.oauthbearer.jwks.endpoint.url": f"file://{folder}/jwks.json",
            "sasl.oauthbearer.expected.audience": LOCAL_AUDIENCE,
            "sasl.oauthbearer.expected.issuer": LOCAL_ISSUER,
            "log.dirs": f"{folder}/data",
            **SINGLE_BROKER,
        }

    def files(self) -> dict[str, str]:
        return {
            "broker.pem": self.authority.issue("broker"),
            "ca.pem": self.authority.pem,
            "jwks.json": self.signing_key.jwks_path.read_text(),
        }


def _java_option(folder: str) -> str:
    return f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file://{folder}/jwks.json"


@dataclass
class _Container(ContainerKafka):
    secured: SecuredKafka | None = None

    def _create(self) -> Any:
        from testcontainers.core.container import DockerContainer

        assert self.secured is not None  # noqa: S101 - a container of this kind is made with one
        secured = self.secured
        properties = secured.properties(
            folder=_CONTAINER_FOLDER,
            controller_port=9093,
            inner_port=9094,
            address="0.0.0.0",  # noqa: S104
        )
        files = secured.files()
        return (
            DockerContainer(KAFKA_IMAGE)
            .with_bind_ports(secured.port, secured.port)
            .with_bind_ports(secured.certificate_port, secured.certificate_port)
            .with_env("PROPERTIES", "".join(f"{name}={value}\n" for name, value in properties.items()))
            .with_env("KEY_STORE", files["broker.pem"])
            .with_env("TRUST_STORE", files["ca.pem"])
            .with_env("JWKS", files["jwks.json"])
            .with_env("JAVA_OPTIONS", _java_option(_CONTAINER_FOLDER))
            .with_command(["bash", "-c", _CONTAINER_COMMAND])
        )

    def _wait(self) -> None:
        """Whoever starts it waits, as its administrator."""


@contextlib.contextmanager
def a_secured_kafka() -> Iterator[SecuredKafka]:
    """A broker of one's own, in a container or as a process."""
    folder = Path(tempfile.mkdtemp(prefix="slotstream-secured-kafka-"))
    secured = SecuredKafka(free_port(), free_port(), folder)
    for name, content in secured.files().items():
        (folder / name).write_text(content)
    server: Any
    if choice()[0] == "containers":
        server = _Container(secured.port, secured=secured)
    else:
        controller_port, inner_port = free_port(), free_port()
        properties = secured.properties(
            folder=str(folder), controller_port=controller_port, inner_port=inner_port, address="127.0.0.1"
        )
        server = KafkaProcess(
            folder,
            cache=cache_folder(),
            port=secured.port,
            controller_port=controller_port,
            java_options=(*SMALL, _java_option(str(folder))),
            properties=properties,
        )
    server.start()
    try:
        wait_for_kafka(secured.administrator, within=180)
        yield secured
    finally:
        server.remove() if isinstance(server, _Container) else server.stop()

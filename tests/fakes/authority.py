"""A certificate authority of the tests' own, for servers on this machine."""

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    CertificateBuilder,
    DNSName,
    IPAddress,
    Name,
    NameAttribute,
    SubjectAlternativeName,
    random_serial_number,
)
from cryptography.x509.oid import NameOID


class Authority:
    """Signs certificates for 127.0.0.1 and localhost; its own stands in `path`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._sign("Tests", self._key, timedelta(days=-9), timedelta(days=9))
        self.path = folder / "authority.pem"
        self.path.write_bytes(self._certificate.public_bytes(Encoding.PEM))

    @property
    def environ(self) -> Mapping[str, str]:
        """What makes OpenSSL trust it in another process."""
        return {"SSL_CERT_FILE": str(self.path)}

    def server(self, *, expires_in: timedelta) -> ssl.SSLContext:
        """What a server proves itself with until then."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign("localhost", key, expires_in - timedelta(days=90), expires_in)
        file = self._folder / f"{random_serial_number()}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _sign(
        self, name: str, key: ec.EllipticCurvePrivateKey, begins_in: timedelta, ends_in: timedelta
    ) -> Certificate:
        now = datetime.now(UTC)
        names = [DNSName("localhost"), IPAddress(ip_address("127.0.0.1"))]
        return (
            CertificateBuilder()
            .subject_name(Name([NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(Name([NameAttribute(NameOID.COMMON_NAME, "Tests")]))
            .public_key(key.public_key())
            .serial_number(random_serial_number())
            .not_valid_before(now + begins_in)
            .not_valid_after(now + ends_in)
            .add_extension(SubjectAlternativeName(names), critical=False)
            .add_extension(BasicConstraints(ca=name == "Tests", path_length=None), critical=True)
            .sign(self._key, SHA256())
        )

"""By which authorities servers are verified."""

import ssl
from pathlib import Path

from slotstream_servicekit.authorities import authorities
from slotstream_servicekit.testing.certificates import CertificateAuthority


def test_what_this_machine_trusts_is_read_once_and_names_are_checked() -> None:
    context = authorities(None)
    assert authorities("") is context
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_a_file_stands_alone_and_is_read_each_time(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    read = []
    for _ in range(2):
        file.write_text(CertificateAuthority().pem)
        read.append(authorities(str(file)).get_ca_certs(binary_form=True))
    assert [len(certificates) for certificates in read] == [1, 1]
    assert read[0] != read[1]

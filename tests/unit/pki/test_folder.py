"""The authority of an installation: made once, kept, and what it signs."""

import shutil
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from fleet.data_dir import files_to_keep
from fleet.pki.authority import Revoked, crl_url_of, is_due, self_signed
from fleet.pki.folder import SERVICES, AuthorityError, Folder
from fleet.wire.requests import common_name, key_pem, named, new_key

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOSTS = ["localhost", "127.0.0.1", "::1"]


def certificate(folder: Folder, name: str) -> x509.Certificate:
    path = folder.files(name).cert
    assert path
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_everything_is_made_once_and_keys_are_readable_by_their_user_alone(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "pki")
    folder.make(HOSTS, NOW)
    files = {path: path.read_bytes() for path in (tmp_path / "pki").iterdir()}
    assert {path.name for path in files} == {"ca.crt", "ca.key", "crl.pem"} | {
        f"{name}.{kind}" for name in (*SERVICES, "server") for kind in ("crt", "key")
    }
    for path in files:
        expected = 0o600 if path.suffix == ".key" else 0o644
        assert stat.S_IMODE(path.stat().st_mode) == expected, path
    assert stat.S_IMODE((tmp_path / "pki").stat().st_mode) == 0o700
    folder.make(HOSTS, NOW + timedelta(days=50))
    assert {path: path.read_bytes() for path in files} == files


def test_keys_and_certificates_belong_to_the_backup(tmp_path: Path) -> None:
    Folder(tmp_path / "pki").make(HOSTS, NOW)
    kept = {str(name) for name in files_to_keep(tmp_path)}
    assert {"pki/ca.key", "pki/ca.crt", "pki/crl.pem", "pki/server.key"} <= kept


def test_each_certificate_is_for_one_use_and_lives_90_days(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "pki")
    folder.make(HOSTS, NOW)
    uses = {"server": ExtendedKeyUsageOID.SERVER_AUTH} | dict.fromkeys(
        SERVICES, ExtendedKeyUsageOID.CLIENT_AUTH
    )
    for name, use in uses.items():
        it = certificate(folder, name)
        assert list(it.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [use]
        assert it.not_valid_after_utc == NOW + timedelta(days=90)
    assert common_name(certificate(folder, "ingest").subject) == "wardfleet.ingest"


def test_what_is_due_is_renewed_and_a_new_host_name_is_taken_in(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "pki")
    folder.make(HOSTS, NOW)
    first = certificate(folder, "server"), certificate(folder, "ingest")
    assert not is_due(first[0], NOW + timedelta(days=59))
    assert is_due(first[0], NOW + timedelta(days=60))
    folder.make([*HOSTS, "fleet.example"], NOW + timedelta(days=1))
    assert certificate(folder, "server") != first[0]
    assert certificate(folder, "ingest") == first[1]
    folder.make(HOSTS, NOW + timedelta(days=60))
    assert certificate(folder, "ingest") != first[1]


def test_each_revocation_list_is_later_than_the_one_before(tmp_path: Path) -> None:
    """Within one second too: a broker that has both believes the later one."""
    folder = Folder(tmp_path / "pki")
    authority = folder.make(HOSTS, NOW)
    seen = [folder.read_crl()]
    for serial in range(1, 4):
        folder.write_crl(authority, [Revoked(serial, NOW)], NOW)
        seen.append(folder.read_crl())
    updates = [crl.last_update_utc for crl in seen if crl is not None]
    assert updates == sorted(set(updates))
    assert updates[-1] <= NOW
    assert [entry.serial_number for entry in seen[-1] or ()] == [3]


@pytest.mark.parametrize("url", [None, "http://pki.example/crl.pem"])
@pytest.mark.parametrize("is_served", [False, True])
def test_openssl_agrees(tmp_path: Path, url: str | None, is_served: bool) -> None:
    folder = Folder(tmp_path / "pki", crl_url=url)
    authority = folder.make(HOSTS, datetime.now(UTC))
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command")

    def verify(name: str) -> str:
        crl = folder.served_crl if url and is_served else folder.crl
        command = [openssl, "verify", "-x509_strict", "-crl_check", "-extended_crl",
                   "-CAfile", folder.ca, "-CRLfile", crl, folder.files(name).cert]  # fmt: skip
        done = subprocess.run(map(str, command), capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    assert verify("ingest").endswith("OK\n")
    now = datetime.now(UTC)
    serial = certificate(folder, "ingest").serial_number
    folder.write_crl(authority, [Revoked(serial, now)], now)
    assert "certificate revoked" in verify("ingest")
    if not (url and is_served):
        assert verify("server").endswith("OK\n"), "nobody asks after its revocation at the URL"


URL = "http://pki.example/crl.pem"


def test_where_the_list_can_be_fetched_stands_in_certificates_and_in_the_list_itself(
    tmp_path: Path,
) -> None:
    Folder(tmp_path / "pki").make(HOSTS, NOW)
    folder = Folder(tmp_path / "pki", crl_url=URL)
    authority = folder.make(HOSTS, NOW)
    assert crl_url_of(certificate(folder, "ingest")) == URL
    assert crl_url_of(authority.sign_client(new_key().public_key(), "cart-001", NOW)) == URL
    assert crl_url_of(certificate(folder, "server")) is None
    folder.write_crl(authority, [Revoked(3, NOW)], NOW)
    served = x509.load_pem_x509_crl(folder.served_crl.read_bytes())
    point = served.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert point.critical
    assert [name.value for name in point.value.full_name or ()] == [URL]
    assert [entry.serial_number for entry in served] == [3]


def test_another_address_of_the_list_forgets_no_revocation(tmp_path: Path) -> None:
    authority = Folder(tmp_path / "pki").make(HOSTS, NOW)
    Folder(tmp_path / "pki").write_crl(authority, [Revoked(3, NOW)], NOW)
    for url in (URL, "http://other.example/crl.pem"):
        folder = Folder(tmp_path / "pki", crl_url=url)
        folder.make(HOSTS, NOW)
        served = x509.load_pem_x509_crl(folder.served_crl.read_bytes())
        point = served.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
        assert [name.value for name in point.full_name or ()] == [url]
        for crl in (served, folder.read_crl()):
            assert [entry.serial_number for entry in crl or ()] == [3]


def own_ca(folder: Path, *, is_ca: bool = True) -> tuple[Path, Path]:
    """An intermediate of the hospital's, with the root above it."""
    root_key, key = new_key(), new_key()
    root = self_signed(root_key, "Lindenhof root", NOW)
    constraints = x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named("Lindenhof devices"))
        .issuer_name(root.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=900))
        .add_extension(constraints, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    usage = root.extensions.get_extension_for_class(x509.KeyUsage)
    middle = builder.add_extension(usage.value, critical=True).sign(root_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    (folder / "own.crt").write_bytes(middle.public_bytes(pem) + root.public_bytes(pem))
    (folder / "own.key").write_bytes(key_pem(key))
    return folder / "own.crt", folder / "own.key"


def test_a_ca_of_ones_own_signs_and_its_key_is_not_copied(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "pki", own_ca(tmp_path))
    folder.make(HOSTS, NOW)
    assert common_name(certificate(folder, "ingest").issuer) == "Lindenhof devices"
    assert not (tmp_path / "pki" / "ca.key").exists()


def test_a_change_of_authority_renews_everything(tmp_path: Path) -> None:
    Folder(tmp_path / "pki").make(HOSTS, NOW)
    folder = Folder(tmp_path / "pki", own_ca(tmp_path))
    folder.make(HOSTS, NOW)
    for name in (*SERVICES, "server"):
        assert common_name(certificate(folder, name).issuer) == "Lindenhof devices"
    crl = folder.read_crl()
    assert crl is not None
    assert common_name(crl.issuer) == "Lindenhof devices"


def test_what_is_no_authority_is_named(tmp_path: Path) -> None:
    cert, key = own_ca(tmp_path, is_ca=False)
    with pytest.raises(AuthorityError, match=r"own\.crt: may not sign"):
        Folder(tmp_path / "pki", (cert, key)).make(HOSTS, NOW)
    key.write_bytes(key_pem(new_key()))
    with pytest.raises(AuthorityError, match=r"own\.key: is not the key"):
        Folder(tmp_path / "pki", (cert, key)).make(HOSTS, NOW)
    key.write_text("no key")
    with pytest.raises(AuthorityError, match="must be PEM"):
        Folder(tmp_path / "pki", (cert, key)).make(HOSTS, NOW)
    with pytest.raises(AuthorityError, match="No such file"):
        Folder(tmp_path / "pki", (cert, tmp_path / "none")).make(HOSTS, NOW)

"""Keys and what is signed with them. All but `install` needs no service: it is done offline."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from fleet.commands.errors import one_clear_line, what_the_user_can_put_right
from fleet.commands.inside import inside
from fleet.config import SettingError, Settings
from fleet.trust.documents import TrustDocument
from fleet.trust.envelope import read_envelope
from fleet.trust.refusal import Refused
from fleet.trust.verify import read_document
from fleet.wire.envelope import Envelope

A_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
NEW_FILE = click.Path(path_type=Path, dir_okay=False)
_PASSPHRASE = "FLEET_KEY_PASSPHRASE"  # noqa: S105 - the variable's name


@click.group()
def keys() -> None:
    """Signing keys, and the trust document that names them."""


@keys.command()
@click.argument("role", type=click.Choice(("root", "release", "online")))
@click.argument("file", type=NEW_FILE, required=False)
@click.option("--encrypt", is_flag=True, help=f"Ask for a passphrase, or take ${_PASSPHRASE}.")
@one_clear_line
def make(role: str, file: Path | None, encrypt: bool) -> None:
    """Make a key: FILE, and FILE.pub to carry to whoever writes the trust document.

    The online key needs no FILE: it goes to the data directory. The others never may.
    """
    from fleet.signing.keys import make_key
    from fleet.signing.online import online_key_path

    data_dir = Settings.from_env().data_dir
    if role == "online":
        file = file or online_key_path(data_dir)
    if file is None:
        raise click.UsageError(f"name the file of the {role} key, best on a disk of its own")
    _refuse_bad_place(role, file.absolute(), data_dir)
    passphrase = _asked_passphrase(confirm=True) if encrypt else None
    with what_the_user_can_put_right():
        half = make_key(file, passphrase)
    click.echo(f"{role} key {half.keyid}\n{file}: keep it where {_place(role)}")


def _refuse_bad_place(role: str, file: Path, data_dir: Path) -> None:
    if role != "online" and file.is_relative_to(data_dir):
        raise SettingError(f"{file}: a {role} key must not be where the service can read it")
    if any((folder / ".git").exists() for folder in file.parents):
        raise SettingError(f"{file}: is in a Git repository; keys must never be in one")


def _place(role: str) -> str:
    return {
        "root": "no network reaches it",
        "release": "releases are built",
        "online": "the service runs",
    }[role]


def role_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for role in ("online", "release", "root"):
        option = click.option(
            f"--{role}", multiple=True, type=A_FILE, help=f"The .pub file of a {role} key."
        )
        command = option(command)
    return command


@keys.command()
@click.argument("out", type=NEW_FILE)
@role_options
@click.option("--threshold", default=2, show_default=True, type=click.IntRange(1, 16),
              help="So many root keys sign.")  # fmt: skip
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 3650))
@one_clear_line
def trust(out: Path, threshold: int, days: int, **roles: tuple[Path, ...]) -> None:
    """Write the first trust document to OUT, to be signed by the root keys."""
    from fleet.signing.ceremony import first_trust

    with what_the_user_can_put_right():
        named = _role_keys(roles, threshold)
        document = first_trust(named, datetime.now(UTC), timedelta(days=days))
    write_unsigned(document, out)


@keys.command()
@click.argument("former", type=A_FILE)
@click.argument("out", type=NEW_FILE)
@role_options
@click.option("--threshold", type=click.IntRange(1, 16), help="So many root keys sign from now on.")
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 3650))
@one_clear_line
def rotate(
    former: Path, out: Path, threshold: int | None, days: int, **roles: tuple[Path, ...]
) -> None:
    """Write the trust document that follows FORMER: the keys given replace those of their role.

    Root keys of both, the former and the new, must sign it.
    """
    from fleet.signing.ceremony import next_trust

    with what_the_user_can_put_right():
        document = read_document(envelope_in(former))
        if not isinstance(document, TrustDocument):
            raise SettingError(f"{former}: a {document.type}, not a trust document")
        changed = _role_keys(roles, threshold or document.root.threshold)
        following = next_trust(document, changed, datetime.now(UTC), timedelta(days=days))
    write_unsigned(following, out)


@keys.command()
@click.argument("file", type=A_FILE)
@click.option("--key", "key_files", required=True, multiple=True, type=A_FILE)
@one_clear_line
def sign(file: Path, key_files: tuple[Path, ...]) -> None:
    """Add a signature to FILE, after showing what is signed."""
    from fleet.signing.keys import is_encrypted, load_signer
    from fleet.signing.sign import sign as add_signature
    from fleet.signing.sign import write_envelope

    envelope = envelope_in(file)
    _echo(envelope)
    with what_the_user_can_put_right():
        for key_file in key_files:
            passphrase = _asked_passphrase() if is_encrypted(key_file) else None
            signer = load_signer(key_file, passphrase)
            envelope = add_signature(envelope, signer)
            click.echo(f"signed with key {signer.public_key.keyid}")
        draft = file.with_name(f".{file.name}.draft")
        draft.write_bytes(write_envelope(envelope))
        draft.replace(file)


@keys.command()
@click.argument("file", type=A_FILE)
@one_clear_line
def show(file: Path) -> None:
    """What FILE says, and by which keys it claims to be signed."""
    _echo(envelope_in(file))


@keys.command()
@click.argument("file", type=A_FILE)
@one_clear_line
def install(file: Path) -> None:
    """Give the service its trust document, or the one that follows: devices are told."""
    from fleet.services.install_trust import install_trust

    envelope = envelope_in(file)
    with inside():
        installed = install_trust(envelope, "cli", datetime.now(UTC))
    click.echo(f"trust document {installed.version}; {installed.told} devices are told")


def envelope_in(file: Path) -> Envelope:
    """Raises SettingError, naming the file."""
    try:
        return read_envelope(file.read_bytes())
    except (Refused, OSError) as error:
        raise SettingError(f"{file}: {error}") from error


def write_unsigned(document: Any, out: Path) -> None:
    from fleet.signing.sign import unsigned, write_envelope

    envelope = unsigned(document)
    with what_the_user_can_put_right(), out.open("xb") as file:
        file.write(write_envelope(envelope))
    _echo(envelope)
    click.echo(f"{out}: not signed yet; fleet keys sign {out} --key FILE")


def _role_keys(roles: dict[str, tuple[Path, ...]], threshold: int) -> Any:
    from fleet.signing.ceremony import RoleKeys
    from fleet.signing.keys import read_public

    halves = {role: [read_public(path) for path in paths] for role, paths in roles.items()}
    return RoleKeys(halves["root"], halves["release"], halves["online"], threshold)


def _echo(envelope: Envelope) -> None:
    try:
        read_document(envelope)
    except Refused as refusal:
        raise SettingError(f"not a document that can be signed here: {refusal}") from refusal
    click.echo(envelope.payload_type)
    click.echo(envelope.payload.decode())
    for signature in envelope.signatures:
        click.echo(f"signature of {signature.keyid}")


def _asked_passphrase(confirm: bool = False) -> str:
    given = os.environ.get(_PASSPHRASE)
    if given:
        return given
    asked: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm)
    return asked


COMMANDS = (keys,)

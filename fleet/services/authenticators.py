"""What a browser is told and what it answers about passkeys, held against WebAuthn by py_webauthn.

Every passkey here is discoverable and verifies its user (by PIN, finger or face): having it and
that are two factors. Who made the authenticator is not asked, so that none is left out.
"""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import (
    parse_attestation_object,
    parse_authentication_credential_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationFormat,
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from fleet.services.passkey_challenges import LASTS

NAME = "Wardfleet"
_NO_ANSWER = (
    WebAuthnException, ValueError, RecursionError, TypeError, LookupError, AttributeError
)  # fmt: skip
"""What the library raises where bytes of a stranger are not of the shape that it looks into."""
_LONGEST = 16_384
"""Characters of an answer; a few hundred are usual."""
_LONGEST_ID = 1023
"""Bytes of a credential's id (WebAuthn Level 3, 4)."""
_TIMEOUT_MS = int(LASTS.total_seconds() * 1000)


class Made(NamedTuple):
    """A new passkey."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


def told_to_make(
    origin: str, challenge: bytes, handle: bytes, username: str, has_already: Iterable[bytes]
) -> str:
    """JSON for `navigator.credentials.create`. An authenticator that holds one of theirs already
    makes no other."""
    options = webauthn.generate_registration_options(
        rp_id=_host(origin),
        rp_name=NAME,
        user_id=handle,
        user_name=username,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in has_already],
    )
    return webauthn.options_to_json(options)


def told_to_sign(origin: str, challenge: bytes, one_of: Iterable[bytes]) -> str:
    """JSON for `navigator.credentials.get`: with one of these, or, if there are none, with any that
    the person chooses."""
    options = webauthn.generate_authentication_options(
        rp_id=_host(origin),
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in one_of],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def made(answer: str, origin: str, challenge: bytes) -> Made | None:
    """The passkey in this answer; None where it is not as it was asked for."""
    try:
        credential = parse_registration_credential_json(_short(answer))
        if not _vouches_for_itself(credential):
            return None
        found = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_host(origin),
            expected_origin=origin,
            require_user_verification=True,
        )
    except _NO_ANSWER:
        return None
    if len(found.credential_id) > _LONGEST_ID:
        return None
    return Made(found.credential_id, found.credential_public_key, found.sign_count)


def shown(answer: str) -> AuthenticationCredential | None:
    """What was shown to sign in, not believed yet."""
    try:
        return parse_authentication_credential_json(_short(answer))
    except _NO_ANSWER:
        return None


def signed(
    credential: AuthenticationCredential, origin: str, challenge: bytes, public_key: bytes
) -> int | None:
    """How often the passkey says that it has signed; None where this is not its signature, or not
    of what was asked, at this address, by a person it knows. The caller holds the count against
    the one before.
    """
    try:
        found = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_host(origin),
            expected_origin=origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except _NO_ANSWER:
        return None
    return found.new_sign_count


def _vouches_for_itself(credential: RegistrationCredential) -> bool:
    """No manufacturer was asked to (attestation "none"), so no certificate of one is read."""
    found = parse_attestation_object(credential.response.attestation_object)
    is_by_its_own_key = found.fmt == AttestationFormat.PACKED and not found.att_stmt.x5c
    return found.fmt == AttestationFormat.NONE or is_by_its_own_key


def _short(answer: str) -> str:
    if len(answer) > _LONGEST:
        raise ValueError("longer than any answer")
    return answer


def _host(origin: str) -> str:
    """The relying party's id."""
    return urlsplit(origin).hostname or ""

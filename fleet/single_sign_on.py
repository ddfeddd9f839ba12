"""Single sign-on by OpenID Connect: the authorization code flow with PKCE, by Authlib.

What Authlib holds against each other: state and code verifier with what this browser was sent away
with; signature, nonce, issuer, audience and times of the ID token. What is said here besides: which
algorithms count at all, and that the provider's own description is of the issuer that was set.
"""

import logging
from collections.abc import Iterable
from typing import Any, NamedTuple

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, request
from joserfc.errors import JoseError
from werkzeug.wrappers import Response

from fleet.domain.access import Role
from fleet.services.sign_in_external import Vouched
from fleet.sign_in_settings import Mapped, SingleSignOn

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures by a key that the provider alone has: not `none`, nor by a secret that we know too."""
LEEWAY_S = 60
TIMEOUT_S = 10
KEY = "single_sign_on"


class Refused(Exception):
    """The provider did not vouch for anybody, or not in a way that can be believed."""


class Proven(NamedTuple):
    who: Vouched
    roles: list[tuple[Role, str]]


def init_app(app: Flask) -> None:
    settings: SingleSignOn | None = app.config["FLEET"].sign_in.single_sign_on
    if settings is None:
        return
    # It writes code verifiers into its log.
    logging.getLogger("authlib").setLevel(logging.INFO)
    oauth = OAuth(app)
    app.extensions[KEY] = oauth.register(
        name="oidc",
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        server_metadata_url=f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid profile email",
            "code_challenge_method": "S256",
            "default_timeout": TIMEOUT_S,
        },
    )


def send_away(app: Flask, back_to: str) -> Response:
    """To the provider, and from there back to this address. Raises Refused."""
    client, settings = app.extensions[KEY], app.config["FLEET"].sign_in.single_sign_on
    try:
        _described(client, settings)
        answer: Response = client.authorize_redirect(back_to)
    except (OAuthError, requests.RequestException, ValueError) as error:
        raise Refused(str(error)) from error
    return answer


def who_came_back(app: Flask) -> Proven:
    """By the answer of the provider that is in this request. Raises Refused."""
    client, settings = app.extensions[KEY], app.config["FLEET"].sign_in.single_sign_on
    if request.args.get("iss", settings.issuer) != settings.issuer:  # RFC 9207
        raise Refused("the answer is another issuer's")
    options = {
        "iss": {"essential": True, "value": settings.issuer},
        "aud": {"essential": True, "value": settings.client_id},
        "sub": {"essential": True},
    }
    try:
        _described(client, settings)
        token = client.authorize_access_token(claims_options=options, leeway=LEEWAY_S)
    except (OAuthError, JoseError, requests.RequestException, ValueError) as error:
        raise Refused(str(error)) from error
    claims = token.get("userinfo")
    if not claims:
        raise Refused("there is no ID token in the answer")
    called = claims.get("preferred_username") or claims.get("email") or claims["sub"]
    who = Vouched(settings.issuer, str(claims["sub"])[:256], str(called))
    return Proven(who, mapped(claims.get(settings.claim), settings.roles))


def mapped(values: Any, roles: Iterable[Mapped]) -> list[tuple[Role, str]]:
    """What a claim gives: one value, or a list of them."""
    held = {values} if isinstance(values, str) else set(map(str, values or ()))
    return [(each.role, each.where) for each in roles if each.value in held]


def _described(client: Any, settings: SingleSignOn) -> None:
    """What the provider says of itself, with the algorithms that count. Raises Refused."""
    metadata = client.load_server_metadata()
    if metadata.get("issuer") != settings.issuer:
        raise Refused(f"{settings.issuer} calls itself {metadata.get('issuer')}")
    said = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    allowed = [name for name in said if name in ALGORITHMS]
    metadata["id_token_signing_alg_values_supported"] = allowed or ["RS256"]

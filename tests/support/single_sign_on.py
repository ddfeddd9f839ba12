"""OpenID providers: a real one, and one that says whatever a test wants."""

import hmac
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.util import urlsafe_b64encode
from werkzeug.test import TestResponse

from tests.support.processes import ROOT, answers, free_port, start, stop
from tests.support.waiting import wait_until

BACK = "http://localhost/login/sso/back"
CLIENT, SECRET = "wardfleet", "of-the-tests"
ROLES = "admins=administrator; icu=ward_nurse@ward:icu"


def environment(issuer: str) -> dict[str, str]:
    """What an installation sets to trust this provider."""
    return {
        "FLEET_OIDC_ISSUER": issuer,
        "FLEET_OIDC_CLIENT_ID": CLIENT,
        "FLEET_OIDC_CLIENT_SECRET": SECRET,
        "FLEET_OIDC_ROLES": ROLES,
    }


# --- A real one -----------------------------------------------------------------------------


@contextmanager
def real_provider() -> Iterator[str]:
    """The issuer of a certified provider (oidc-provider, in Node), on a port of its own."""
    assert (ROOT / "node_modules/oidc-provider").exists(), "`make setup` installs oidc-provider"
    port = free_port()
    script = ROOT / "tests/support/oidc_provider.mjs"
    server = start(
        [ROOT / ".ci/node", "node", script, str(port), BACK], cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until(lambda: answers(port), timeout=60, what="the OpenID provider to listen")
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(server)


def sign_in_there(browser: FlaskClient, login: str, going: str = "/it") -> TestResponse:
    """As a browser does it: sent away, signed in over there, and back with the answer."""
    sent = browser.get("/login/sso", query_string={"next": going})
    assert sent.status_code == 302, sent.text
    with requests.Session() as session:
        page = session.get(sent.location, timeout=30)
        form = re.search(r'action="([^"]+)"', page.text)
        assert form, page.text
        typed = {"prompt": "login", "login": login, "password": "any"}
        answer = session.post(form[1], data=typed, allow_redirects=False, timeout=30)
        while not answer.headers["Location"].startswith(BACK):
            answer = session.get(answer.headers["Location"], allow_redirects=False, timeout=30)
    return come_back(browser, answer.headers["Location"])


def come_back(browser: FlaskClient, location: str) -> TestResponse:
    return browser.get(location.removeprefix("http://localhost"))


# --- One that lies --------------------------------------------------------------------------


class Liar:
    """Speaks the protocol truthfully, but for what a test changes.

    `claims` are laid over those of its ID tokens, None takes one away; `header` over their heads.
    """

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.key = RSAKey.generate_key(2048, parameters={"kid": "one"})
        self.signing_key = self.key
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.algorithms = ["RS256"]
        self.calls_itself = self.issuer
        self.asked: dict[str, str] = {}
        self.shown: dict[str, str] = {}
        self.unsigned = False
        self.by_hmac: bytes | None = None

    def described(self) -> dict[str, Any]:
        return {
            "issuer": self.calls_itself,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": self.algorithms,
        }

    def keys(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False)]}

    def token(self) -> dict[str, Any]:
        said = {
            "iss": self.issuer, "sub": "ada", "aud": CLIENT, "nonce": self.asked["nonce"],
            "iat": int(time()), "exp": int(time()) + 300, "groups": ["admins"],
            **self.claims,
        }  # fmt: skip
        said = {name: value for name, value in said.items() if value is not None}
        return {"access_token": "a", "token_type": "Bearer", "id_token": self._signed(said)}

    def _signed(self, claims: dict[str, Any]) -> str:
        header = {"alg": "RS256", "kid": "one", **self.header}
        if self.unsigned:
            return ".".join((_part({**header, "alg": "none"}), _part(claims), ""))
        if self.by_hmac is not None:
            signed = ".".join((_part({**header, "alg": "HS256"}), _part(claims)))
            digest = hmac.digest(self.by_hmac, signed.encode(), "sha256")
            return f"{signed}.{urlsafe_b64encode(digest).decode()}"
        return jwt.encode(header, claims, self.signing_key)

    def sends(self, browser: FlaskClient, **changed: str) -> TestResponse:
        """The browser is sent there, and back with what this provider wants it to say."""
        sent = browser.get("/login/sso")
        assert sent.status_code == 302, sent.text
        self.asked = {k: v[0] for k, v in parse_qs(urlsplit(sent.location).query).items()}
        said = {"code": "c", "state": self.asked["state"], **changed}
        return browser.get("/login/sso/back", query_string=said)


def _part(content: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(content).encode()).decode()


@contextmanager
def lying_provider() -> Iterator[Liar]:
    liar = Liar(free_port())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = liar.keys() if self.path == "/jwks" else liar.described()
            self._say(said)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            liar.shown = {k: v[0] for k, v in parse_qs(body).items()}
            self._say(liar.token())

        def _say(self, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", urlsplit(liar.issuer).port or 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield liar
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""oidc-provider-mock as a program that does three things more: insist on PKCE, rotate its key, sign what it is given.

`python openid_program.py PORT`.
"""

import base64
import hashlib
import json
import os
import sys
from urllib.parse import parse_qs, urlsplit

import flask
import oidc_provider_mock
import uvicorn
from authlib import jose

challenges: dict[str, str] = {}
"""What each code was asked with (RFC 7636)."""


def _keep_challenge(response: flask.Response) -> flask.Response:
    """A code goes with the challenge of the request that it answers."""
    if flask.request.path == "/oauth2/authorize" and flask.request.method == "POST":
        codes = parse_qs(urlsplit(response.headers.get("Location", "")).query).get("code", [])
        challenges.update((code, flask.request.args.get("code_challenge", "")) for code in codes)
    return response


def _check_verifier() -> flask.Response | None:
    """A code is worth nothing to whoever does not know the verifier."""
    if flask.request.path != "/oauth2/token":
        return None
    digest = hashlib.sha256(flask.request.form.get("code_verifier", "").encode()).digest()
    proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if challenges.pop(flask.request.form.get("code", ""), None) != proof:
        return flask.make_response({"error": "invalid_grant"}, 400)
    return None


def _rotate() -> str:
    flask.g.oidc_provider_mock_storage.jwk = jose.RSAKey.generate_key(is_private=True)
    return ""


def _sign() -> str:
    key = flask.g.oidc_provider_mock_storage.jwk
    header = {"alg": "RS256", "kid": key.as_dict()["kid"]}
    return jose.jwt.encode(header, flask.request.get_json(), key).decode()


def main() -> None:
    """Serve until killed."""
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    app = oidc_provider_mock.app(require_nonce=True, user_claims=())
    app.before_request(_check_verifier)
    app.after_request(_keep_challenge)
    app.add_url_rule("/test/rotate", view_func=_rotate, methods=["POST"])
    app.add_url_rule("/test/sign", view_func=_sign, methods=["POST"])
    print(json.dumps("ready"), flush=True)
    uvicorn.run(app, interface="wsgi", host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


if __name__ == "__main__":
    main()

"""Test-only: a cloud's service account. Its key signs a statement, and the token endpoint gives a token for it."""

from __future__ import annotations

import json
import os
import secrets
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from google.auth import jwt

EMAIL = "tuner@project-1.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_AUDIENCE = "https://oauth2.googleapis.com/token"
"""Whom a statement is for: Google's own endpoint, wherever it is sent."""
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class TokenEndpoint:
    """Gives tokens to whoever signs with the account's key.

    Attributes:
        tokens: Those that are good.
    """

    def __init__(self) -> None:
        self.tokens: set[str] = set()

    def write_key(self, folder: Path, url: str, *, forged: bool = False) -> Path:
        """A file as ``GOOGLE_APPLICATION_CREDENTIALS`` names it, which its owner alone can read; ``forged`` has the
        account's name and another key."""
        account = {
            "type": "service_account",
            "project_id": "project-1",
            "private_key_id": "key-1",
            "private_key": _pem("forged" if forged else "genuine"),
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": url,
        }
        file = folder / ("forged.json" if forged else "account.json")
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
            json.dump(account, handle)
        return file

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Status and body for the form of a request for a token."""
        if form.get("grant_type") != _GRANT:
            return 400, {"error": "unsupported_grant_type", "error_description": "Invalid grant_type"}
        try:
            claims = jwt.decode(form["assertion"], certs=_public_pem(), audience=_AUDIENCE)
        except ValueError as error:
            # Like some vendors it repeats what it was sent.
            told = f"Invalid JWT Signature: {error} in {form['assertion']}"
            return 400, {"error": "invalid_grant", "error_description": told}
        if claims["iss"] != EMAIL or claims["scope"] != SCOPE:
            return 400, {"error": "invalid_scope", "error_description": "Invalid scope or issuer"}
        token = f"ya29.{secrets.token_urlsafe(40)}"
        self.tokens.add(token)
        return 200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}


@cache
def _key(name: str) -> rsa.RSAPrivateKey:
    """Short, and made once a process: to make a key or to load one takes longer than most tests."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def _pem(name: str) -> str:
    return _key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public_pem() -> bytes:
    return _key("genuine").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

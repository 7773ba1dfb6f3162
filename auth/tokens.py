"""Session tokens: opaque and random outside, hashed at rest."""

import hashlib
import secrets


def new_token() -> str:
    """Make a token of 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> bytes:
    """Hash a token for keeping; a plain hash is enough for what nobody can guess."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()

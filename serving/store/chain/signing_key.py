"""The key that signs anchors: Ed25519, in a file outside the database, readable by its owner only."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from serving.errors import ServingError


def ensure_signing_key(path: Path) -> Ed25519PrivateKey:
    """The key in a file, which is made with mode 0600 if there is none. Raises ServingError if it is not a key."""
    if not path.exists():
        _write_new(path)
    return read_signing_key(path)


def read_signing_key(path: Path) -> Ed25519PrivateKey:
    """The key in a file. Raises ServingError naming the file and what to do."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise ServingError(
            f"the signing key {path} cannot be read: {error}; restore it from a backup, or name the public key"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ServingError(f"the signing key {path} is not an Ed25519 key: name another in SESSION_TRUST_SIGNING_KEY")
    return key


def public_key_of(key: Ed25519PrivateKey) -> str:
    """The public part as text: base64 of its 32 bytes."""
    return base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def sign(key: Ed25519PrivateKey, data: bytes) -> str:
    """The signature of some bytes, in base64."""
    return base64.b64encode(key.sign(data)).decode()


def is_signed_by(public_key: str, signature: str, data: bytes) -> bool:
    """Whether a signature of some bytes was made with the key of this public part."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _write_new(path: Path) -> None:
    """Write a new key in one step: of two processes that begin together, both use the file of the first."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        pass
    except OSError as error:
        raise ServingError(f"the signing key {path} cannot be made: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)

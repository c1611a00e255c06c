"""Who made a bundle: an Ed25519 signature (RFC 8032) of its manifest, which digests every other file.

A site that trains its own bundle signs it (`ctsma-train sign`) and names the public key in its configuration;
the node then runs no other.
"""

from __future__ import annotations

import base64
import binascii
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
    load_pem_public_key,
)

from ctsma_node.errors import BundleError

SIGNATURE = "manifest.sig"
"""Beside the manifest: the signature in base64, one line."""
PRIVATE, PUBLIC = "bundle-key.private.pem", "bundle-key.public.pem"


def make_keys(folder: Path) -> tuple[Path, Path]:
    """Write a new private key, readable by its owner alone, and its public key; returns both paths.

    Raises FileExistsError where there is one: bundles that it signed would be lost.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(folder / PRIVATE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / PUBLIC).write_bytes(public)
    return folder / PRIVATE, folder / PUBLIC


def sign(manifest: Path, private: Path) -> Path:
    """Sign a bundle's manifest; returns the signature's path. Raises BundleError where the key is none."""
    try:
        key = load_pem_private_key(private.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as e:
        raise BundleError(f"{private} cannot be read as a private key.") from e
    if not isinstance(key, Ed25519PrivateKey):
        raise BundleError(f"{private} is not an Ed25519 key.")
    path = manifest.with_name(SIGNATURE)
    path.write_bytes(base64.b64encode(key.sign(manifest.read_bytes())) + b"\n")
    return path


def verify(folder: Path, manifest: bytes, public: Path) -> None:
    """Raises BundleError unless the bundle in `folder` is signed by the private half of `public`."""
    try:
        key = load_pem_public_key(public.read_bytes())
    except (OSError, ValueError) as e:
        raise BundleError(f"{public} cannot be read as a public key (PEM).") from e
    if not isinstance(key, Ed25519PublicKey):
        raise BundleError(f"{public} is not an Ed25519 key.")
    try:
        signature = base64.b64decode((folder / SIGNATURE).read_bytes().strip(), validate=True)
        key.verify(signature, manifest)
    except OSError as e:
        raise BundleError(
            f"{folder} is not signed, and the configuration asks for it: sign it with `ctsma-train sign`."
        ) from e
    except (InvalidSignature, binascii.Error) as e:
        raise BundleError(f"{folder / SIGNATURE} is not the signature of this bundle by {public}.") from e

"""Ed25519 by `cryptography`, which the extra `verify` installs."""

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
except ImportError:
    IS_HERE = False
else:
    IS_HERE = True

MISSING = "verifying and signing need more than asking does: install blacklist-client[verify]"


def require_verify() -> None:
    """Raise `RuntimeError` if the extra is not installed: nothing is ever accepted unverified."""
    if not IS_HERE:
        raise RuntimeError(MISSING)


def is_signed_by(public: bytes, signature: bytes, message: bytes) -> bool:
    require_verify()
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def sign(private: bytes, message: bytes) -> bytes:
    """Sign with the 32 bytes of a private key."""
    require_verify()
    return Ed25519PrivateKey.from_private_bytes(private).sign(message)

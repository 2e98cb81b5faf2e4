"""Comments of users: free text that may hold patient data, kept only encrypted and only where a site has set a key (CH-FB-10).

AES-SIV (RFC 5297), bound to the report it belongs to: the same comment of the same report gives the same text again, so that a repeated
report stays one record, and a comment that was moved to another report cannot be read.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from cds.feedback.records import Feedback
from cds.mendable import MendableError

KEY_BYTES = 64


class CommentKeyError(MendableError, ValueError):
    """The key cannot be used, or is not the one a comment was written with."""


def read_key(text: str) -> bytes:
    """A key as settings hold it: 64 random bytes in base64. Raises `CommentKeyError`, without repeating it."""
    try:
        key = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise CommentKeyError(f"{KEY_BYTES} random bytes in base64 are needed: openssl rand -base64 {KEY_BYTES} | tr -d '\\n'")
    return key


def seal(comment: str, report: Feedback, key: bytes) -> str:
    """The comment as it is stored with this report."""
    return base64.b64encode(AESSIV(key).encrypt(comment.encode(), _place(report))).decode()


def unseal(report: Feedback, key: bytes) -> str:
    """The comment stored with this report. Raises `CommentKeyError` if the key is another one, or the row was changed."""
    try:
        return AESSIV(key).decrypt(base64.b64decode(report.comment or "", validate=True), _place(report)).decode()
    except (InvalidTag, ValueError):
        raise CommentKeyError("a comment was written with another key than that in RANVIER_COMMENT_KEY, or was changed") from None


def _place(report: Feedback) -> list[bytes]:
    """What makes a report one record (CH-FB-07)."""
    return [part.encode() for part in (report.service, report.card, report.outcome, report.outcome_at.isoformat())]

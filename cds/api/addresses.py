"""Comparing web addresses that decide where a token may go."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit


def is_below(base: str, address: str) -> bool:
    """Whether an address has the scheme, host and port of `base` and a path at or below its path, without climbing out of it."""
    try:
        ours, theirs = urlsplit(base), urlsplit(address)
        same = (ours.scheme, ours.hostname, ours.port or _default(ours.scheme)) == (
            theirs.scheme,
            theirs.hostname,
            theirs.port or _default(theirs.scheme),
        )
    except ValueError:
        return False
    folder = ours.path.rstrip("/")
    below = theirs.path.rstrip("/") == folder or theirs.path.startswith(folder + "/")
    return same and below and "@" not in theirs.netloc and not _climbs(theirs.path)


def _climbs(path: str) -> bool:
    """Whether a path leaves a folder it is in, plainly or encoded (also twice)."""
    plain = unquote(unquote(path))
    return "\\" in plain or any(segment in (".", "..") for segment in plain.split("/"))


def _default(scheme: str) -> int:
    return 443 if scheme == "https" else 80

"""When Python looks for garbage: what a service is made of stays as long as its process, and is not looked through again and again."""

from __future__ import annotations

import gc


def collect_seldom() -> None:
    """For the start and ever after: content and classes are made by the million, and a call makes few objects that refer to each other."""
    gc.set_threshold(100_000, 50, 100)


def keep_all() -> None:
    """What has been made by now is never looked at again. What little of it was garbage stays: to find it would take longer than a call."""
    gc.freeze()

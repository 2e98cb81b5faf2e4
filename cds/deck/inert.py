"""Words of a chart on a card: whatever they look like, no link and no HTML comes from them."""

from __future__ import annotations

import re
from collections.abc import Collection

_LINK = re.compile(r"\]\(([^)\s]*)")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_SCHEMES = ("https", "http", "ftp", "mailto", "javascript", "data")
_BARE_ADDRESS = re.compile(  # begins with the colon, of which there are few
    r":(?=\S)(?:" + "|".join(rf"(?<=\b{scheme}:)(?<!\]\({scheme}:)" for scheme in _SCHEMES) + ")", re.IGNORECASE
)


def inert(markdown: str, addresses: Collection[str]) -> str:
    """The text with the links to these addresses as its only links, without HTML; what else looks like them is taken apart."""

    def own(found: re.Match[str]) -> str:
        return found[0] if found[1] in addresses else found[0].replace("](", "] (")

    return _BARE_ADDRESS.sub(" :", _TAG.sub("‹", _LINK.sub(own, markdown)))

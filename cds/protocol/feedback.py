"""Feedback on cards as clients report it (contract 2.15), Epic's dialect included.

No issue repeats a value of the body, and a comment is never printed: both may hold patient data (CH-FB-10).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from msgspec import Struct
from pydantic import AfterValidator, AliasChoices, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictStr, ValidationError
from pydantic.alias_generators import to_camel

from cds.protocol.outcome import Issue, Refusal, bad_request
from cds.protocol.profiles import Checks
from cds.protocol.request import decode

MAX_ENTRIES = 5_000
"""Entries that are read in one call."""
MAX_ISSUES = 100
FUTURE = timedelta(hours=24)
"""How far the client's clock may be ahead (CH-FB-11)."""
EPIC_REASON = "com.epic.cdshooks.feedback.overrideReason"

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)")

Text = Annotated[StrictStr, Field(min_length=1)]


def _is_time(value: Any) -> Any:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("must be an RFC 3339 date and time")
    return value


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time that can be written in UTC") from None


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=False, extra="ignore", frozen=True)


class Reason(_Wire):
    """Why a card was overridden; system and display may be missing or malformed (CH-FB-05, CH-FB-06)."""

    code: Text
    system: StrictStr | None = None
    display: StrictStr | None = None


class OverrideReasonGiven(_Wire):
    """The user's reason, comment or both; a comment may hold patient data (CH-FB-10). Epic may give the reason in an extension."""

    reason: Reason | None = None
    user_comment: Annotated[StrictStr | None, Field(repr=False)] = None
    extension: dict[str, Any] | None = None


class AcceptedSuggestion(_Wire):
    """A suggestion that was taken."""

    id: Text


class FeedbackEntry(_Wire):
    """What became of one card. There is no outcome `ignored` (CH-FB-03)."""

    card: Text
    outcome: Literal["accepted", "overridden"]
    outcome_timestamp: Annotated[AwareDatetime, BeforeValidator(_is_time), AfterValidator(_to_utc)]
    accepted_suggestions: tuple[AcceptedSuggestion, ...] = ()
    override_reason: Annotated[OverrideReasonGiven | None, Field(validation_alias=AliasChoices("overrideReason", "overrideReasons"))] = None
    extension: dict[str, Any] | None = None

    @property
    def reason(self) -> Reason | None:
        """The reason, wherever it stands: as a coding, or in Epic's extension of the reason or of the entry (CH-FB-06)."""
        given = self.override_reason
        if given is not None and given.reason is not None:
            return given.reason
        extensions = (given.extension if given else None, self.extension)
        return next((reason for extension in extensions if (reason := _epic_reason(extension))), None)


class Feedback(_Wire):
    """The body of a feedback call: any number of entries, also none (CH-FB-02)."""

    feedback: tuple[FeedbackEntry, ...]


class FeedbackRead(Struct, frozen=True):
    """The entries that can be kept, what is wrong with the others by index, and the names of tolerated faults, safe to log."""

    entries: tuple[FeedbackEntry, ...]
    issues: tuple[Issue, ...]
    warnings: tuple[str, ...]


def read_feedback(body: bytes, now: datetime, checks: Checks = "interop") -> FeedbackRead:
    """Read the body of a feedback call.

    In the strict profile one faulty entry refuses the whole call. Otherwise optional members that cannot be read are left out with a
    warning, and an entry without card, outcome or time is an issue beside the good ones (CH-FB-03 to -06, CH-FB-09).
    Raises `Refusal`: 400 if there is no array `feedback`, 413 if it is too long.
    """
    raw = decode(body).get("feedback", ...)
    if not isinstance(raw, list):
        code: Literal["required", "structure"] = "required" if raw is ... else "structure"
        raise bad_request(Issue(code, "feedback must be an array.", "feedback"))
    if len(raw) > MAX_ENTRIES:
        issue = Issue("too-long", "There are too many entries.", "feedback", f"At most {MAX_ENTRIES} entries are read in one call.")
        raise Refusal(413, (issue,))
    entries: list[FeedbackEntry] = []
    issues: list[Issue] = []
    warnings: dict[str, None] = {}
    for index, value in enumerate(raw):
        entry, faults = _read(value, now)
        if entry is None or (checks == "strict" and faults):
            issues += [fault.issue(index) for fault in faults if fault.refuses or checks == "strict"]
        else:
            entries.append(entry)
            warnings |= dict.fromkeys(f"feedback-{fault.member}" for fault in faults)
    if issues and checks == "strict":
        raise bad_request(*issues[:MAX_ISSUES])
    return FeedbackRead(tuple(entries), tuple(issues[:MAX_ISSUES]), tuple(warnings))


_RULES = {
    "card": "must be a string that is not empty",
    "outcome": "must be accepted or overridden",
    "outcomeTimestamp": "must be an RFC 3339 date and time with offset, at most 24 hours ahead",
    "acceptedSuggestions": "must be an array of objects with an id, and is required when the outcome is accepted",
    "overrideReason": "must be an object with a reason that has a code, a userComment, or both",
    "extension": "must be an object",
}
_REQUIRED = ("card", "outcome", "outcomeTimestamp")


class _Fault(Struct, frozen=True):
    """A member that breaks its rule; an empty name is the entry itself."""

    member: str
    missing: bool = False

    @property
    def refuses(self) -> bool:
        """Whether the entry cannot be kept."""
        return self.member in ("", *_REQUIRED)

    def issue(self, index: int) -> Issue:
        """The issue for the entry at this place."""
        where = f"feedback[{index}]" + (f".{self.member}" if self.member else "")
        return Issue("required" if self.missing else "invalid", f"{where} {_RULES.get(self.member, 'must be an object')}.", where)


def _read(value: Any, now: datetime) -> tuple[FeedbackEntry | None, list[_Fault]]:
    """The entry, without optional members that cannot be read, unless a required one is at fault; and all faults."""
    if not isinstance(value, dict):
        return None, [_Fault("")]
    entry, faults = _validate(value)
    if entry is None and not any(fault.refuses for fault in faults):
        entry, _ = _validate({name: value[name] for name in _REQUIRED} | _readable(value, faults))
    if entry is not None:
        faults += [fault for fault in _shortcomings(entry) if fault.member not in {known.member for known in faults}]
    if entry is not None and entry.outcome_timestamp > now + FUTURE:
        return None, [*faults, _Fault("outcomeTimestamp")]
    return entry, faults


def _validate(value: dict[str, Any]) -> tuple[FeedbackEntry | None, list[_Fault]]:
    try:
        return FeedbackEntry.model_validate(value), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        found = {_member(entry["loc"]): entry["type"] == "missing" and len(entry["loc"]) == 1 for entry in details}
        return None, [_Fault(member, missing) for member, missing in found.items()]


def _member(place: tuple[int | str, ...]) -> str:
    first = str(place[0]) if place else ""
    return "overrideReason" if first == "overrideReasons" else first


def _readable(value: dict[str, Any], faults: list[_Fault]) -> dict[str, Any]:
    """The optional members that are not at fault."""
    at_fault = {fault.member for fault in faults}
    return {name: member for name, member in value.items() if _member((name,)) in _RULES.keys() - at_fault - {*_REQUIRED}}


def _shortcomings(entry: FeedbackEntry) -> Iterator[_Fault]:
    """What the specification forbids and real clients do: `cds-fb-2` and `cds-fb-3`."""
    if entry.outcome == "accepted" and not entry.accepted_suggestions:
        yield _Fault("acceptedSuggestions", missing=True)
    given = entry.override_reason
    if given is not None and given.user_comment is None and entry.reason is None:
        yield _Fault("overrideReason")


def _epic_reason(extension: dict[str, Any] | None) -> Reason | None:
    found = {name: (extension or {}).get(f"{EPIC_REASON}.{name}") for name in ("reasonCategory", "reasonDisplay", "reasonTitle")}
    words = {name: str(value) for name, value in found.items() if isinstance(value, str | int) and str(value)}
    code = words.get("reasonCategory") or words.get("reasonTitle")
    if code is None:
        return None
    return Reason(code=code, system=EPIC_REASON, display=words.get("reasonDisplay") or words.get("reasonTitle"))

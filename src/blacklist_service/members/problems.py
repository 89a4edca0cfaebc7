"""Refusals about members and keys."""

from blacklist_service.problems import Conflict, InvalidRequest, NotFound


class MemberExists(Conflict):
    """A member with this code, or this court code, is already there with other particulars."""


class CourtExists(MemberExists):
    """A court with this code or name is already a member: what it lists would be kept twice."""


class MemberNotFound(NotFound):
    """There is no member with this code."""


class KeyNotFound(NotFound):
    """There is no key with this id."""


class MemberInvalid(InvalidRequest):
    """A member cannot be like that."""


class KeyInvalid(InvalidRequest):
    """A key cannot be like that."""

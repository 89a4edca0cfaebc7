"""Refusals of notices."""

from blacklist_service.problems import Conflict


class NoticeExists(Conflict):
    """This court has served a notice of that number on that unit."""


class LeadClosed(Conflict):
    """The lead has been closed."""


class NoticeEnded(Conflict):
    """The notice has been released, answered or is past its day."""

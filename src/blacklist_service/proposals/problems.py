"""Refusals about proposals."""

from blacklist_service.problems import Conflict, NotFound


class ProposalNotFound(NotFound):
    """There is no such proposal."""


class ProposalClosed(Conflict):
    """The proposal does not wait any more: it was decided, recalled, or nobody decided within 7 days."""


class MakerGone(ProposalClosed):
    """Whoever made this proposal may not do the act any more: somebody who may proposes it anew."""


class ProposalStale(Conflict):
    """What the proposal is about has changed since it was made: it has to be looked at and proposed anew."""

    code = "proposal-stale"


class ProposalExists(Conflict):
    """This is proposed already."""

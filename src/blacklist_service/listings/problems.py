"""Refusals about listings."""

from collections.abc import Sequence
from uuid import UUID

from blacklist_service.problems import Conflict, NotFound, Problem, VersionMismatch


class CourtMismatch(Problem):
    """A court writes its own court's listings only."""

    status = 403
    code = "court-mismatch"
    is_recorded = True


class ListingNotFound(NotFound):
    """There is no such listing."""


class ListedOtherwise(Conflict):
    """This debtor is listed in this case already, with other content: correct that listing."""

    def __init__(self, listing_id: UUID) -> None:
        path = f"/v1/listings/{listing_id}/correction"
        super().__init__(
            f"the listing is in force with other content; change it by POST {path}",
            extra={"listing_id": str(listing_id), "correction": path},
        )


class _NamesListings(Conflict):
    """A conflict that names the listings it is about."""

    def __init__(self, listing_ids: Sequence[UUID]) -> None:
        named = [str(one) for one in listing_ids]
        super().__init__(f"{type(self).__doc__} Listings: {', '.join(named)}", extra={"listing_ids": named})


class PossibleDuplicate(_NamesListings):
    """The debtor may be listed in this case already, under another form of the number: correct that listing, or end it."""

    code = "possible-duplicate"


class AmbiguousListing(_NamesListings):
    """The debtor has more than one listing in this case: say which by its record_id or its decision's document number."""

    code = "ambiguous-listing"


class RelistingUndecided(Conflict):
    """Listing again after an end needs a decision made after it (Art. 10(3))."""


class CreditorBarred(Conflict):
    """For six months after a deletion at the creditor's own request the creditor's application is refused (Art. 10(3))."""


class ListingEnded(Conflict):
    """The listing has ended; this act is no longer possible."""


class ListingNotEnded(Conflict):
    """The listing has not ended: there is nothing to certify yet."""


class ListingNotSuspended(Conflict):
    """The listing is not suspended: there is nothing to resume."""


class IdentityContested(Conflict):
    """The identity of this listing is contested already."""


class IdentityNotContested(Conflict):
    """The identity of this listing is not contested: there is nothing to lift."""


class ListingChanged(VersionMismatch):
    """The listing has changed since the version that If-Match names."""


class ObjectionNotFound(NotFound):
    """There is no such objection."""


class ObjectionClosed(Conflict):
    """The objection is not in a state for this step."""


class ImportNotFound(NotFound):
    """There is no such import."""


class ImportStateConflict(Conflict):
    """The import is not in a state for this."""


class ImportFailed(Problem):
    """An import met what it could not take; `detail` names the row and how far it came, and no value."""

    status = 422
    code = "import-failed"


class FollowerUnknown(Problem):
    """This member is not registered as a follower: its public key is not known."""

    status = 403
    code = "follower-unknown"
    is_recorded = True

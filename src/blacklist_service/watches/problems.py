"""Refusals about watches."""

from collections.abc import Sequence

from blacklist_service.problems import Conflict, FieldError, Gone, InvalidRequest


class WatchClosed(Conflict):
    """This watch has ended: nothing of it can be changed."""

    code = "watch-closed"


class CheckTooOld(Conflict):
    """A check from before objects were kept, or whose question was erased, cannot be asked again: ask it anew."""

    code = "check-too-old"

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__(
            errors=[FieldError(f"/check_ids/{place}", self.code, "its question is not whole") for place in places]
        )


class ChecksNotWatched(InvalidRequest):
    """A question about a child is not kept, so it cannot be kept open."""

    code = "child-not-watched"

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__(errors=[FieldError(f"/check_ids/{place}", self.code, "it names a child") for place in places])


class UnknownEvent(Gone):
    """There is no such event in this feed: the service was restored from a backup. Begin without `after`."""


class EventsForgotten(Gone):
    """Events after that one are kept no longer: begin with `after` as `forgotten` says."""

    code = "events-forgotten"

    def __init__(self, forgotten: int) -> None:
        super().__init__(extra={"forgotten": forgotten})


class NotToldYet(InvalidRequest):
    """Nobody can have been told of an event that is not there yet."""

    def __init__(self) -> None:
        super().__init__(errors=[FieldError("/through", "range", "not a sequence of this feed")])

"""What a notice would stop, for those who serve it: in which of a unit's matters checks will answer with a block."""

from typing import Any

from blacklist_service.assistance.rules import DECIDING, NoticeAction
from blacklist_service.checks.rules import EXIT_MEASURE
from blacklist_service.clock import legal_date, now
from blacklist_service.console.home import all_matters, matter_options
from blacklist_service.console.visits import Visit
from blacklist_service.measures.rules import MeasureClass
from blacklist_service.members.queries import find_allowed_matters
from blacklist_service.web.transactions import borrowed


async def stopped_matters(visit: Visit, notice: dict[str, Any]) -> list[str] | None:
    """The names of the matters, in the person's language; None for a request, which changes no answer by itself.

    Empty where the unit asks about no matter that a notice of this kind stops: the notice binds the unit, but the service
    will not remind anybody of it.
    """
    if notice["action"] not in DECIDING:
        return None
    async with borrowed(visit.state.pool) as connection:
        allowed = await find_allowed_matters(connection, notice["agency"])
    matters = [
        one
        for one in await all_matters(visit)
        if (allowed is None or one["matter"] in allowed) and _is_stopped(one, notice["action"])
    ]
    return [name for _, name in matter_options(visit, matters)]


def _is_stopped(matter: dict[str, Any], action: str) -> bool:
    """As checks decide it (design §7): where a measure in force waits for a notice; an exit ban where one leaves alone."""
    today = legal_date(now()).isoformat()
    in_force = [
        measure
        for measure in matter["measures"]
        if measure["valid_from"] <= today and (measure["valid_to"] is None or measure["valid_to"] >= today)
    ]
    needing = [measure for measure in in_force if measure["class"] == MeasureClass.NOTICE_REQUIRED]
    if action == NoticeAction.BAR_EXIT:
        return any(measure["id"] == EXIT_MEASURE for measure in needing)
    return bool(needing)

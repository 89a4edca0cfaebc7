"""The whole schema: the tables of every package, in one `MetaData`, for Alembic and for `make drift`.

Other code imports a package's tables from its own `models.py`.
"""

import re

from blacklist_service.assistance import models as assistance
from blacklist_service.audit import models as audit
from blacklist_service.checks import models as checks
from blacklist_service.database import models as database
from blacklist_service.database.tables import metadata
from blacklist_service.ledger import models as ledger
from blacklist_service.listings import import_models as imports
from blacklist_service.listings import models as listings
from blacklist_service.measures import models as measures
from blacklist_service.members import models as members
from blacklist_service.members.second_person import models as second_person
from blacklist_service.members.staff import models as staff
from blacklist_service.proposals import models as proposals
from blacklist_service.rosters import models as rosters
from blacklist_service.supervision import models as supervision
from blacklist_service.watches import models as watches
from blacklist_service.web import models as web
from blacklist_service.webhooks import models as webhooks

__all__ = ["ROOMS", "is_ours", "metadata"]

ROOMS = (
    *(database, web, ledger, members, staff, second_person, measures, listings, imports, assistance, proposals),
    *(checks, rosters, watches, webhooks, supervision, audit),
)

MONTH = re.compile(r"_\d{4}_\d{2}$")


def is_ours(name: str | None, kind: str, _parents: object = None) -> bool:
    """Alembic's `include_name`: exclude monthly partitions, which come and go by the calendar."""
    return kind != "table" or name is None or MONTH.search(name) is None

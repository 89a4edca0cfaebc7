"""Ask a blacklist-service before you approve: an `Answer` with evidence, or a `Hold`. Never a default.

service = Blacklist.from_environment()
found = service.check("civil_service_recruitment", reference="GD-2026-0412-001",
                      subjects=[person("张三", resident_id=number)])
match found:
    case Hold(): ...                             # no answer: hold, ask again at found.again_at
    case Answer(decision=Decision.CLEAR): ...    # go on; keep found.check_id
    case Answer(decision=Decision.FLAG): ...     # an officer decides
    case _: ...                                  # block: stop
"""

from blacklist_client.aio import AsyncBlacklist
from blacklist_client.answers import Advice, Adviser, Answer, Hold
from blacklist_client.certificates import Certificate, verify_certificate
from blacklist_client.client import Blacklist
from blacklist_client.errors import (
    BadQuestion,
    BlacklistError,
    CircuitOpen,
    Conflict,
    Failing,
    FieldError,
    Gone,
    KeyRefused,
    NoAnswer,
    NotAllowed,
    NotFound,
    NothingListed,
    NotUnderstood,
    Refused,
    StaleReplay,
    TimedOut,
    TooMany,
    Undetermined,
    Unreachable,
    Unverified,
)
from blacklist_client.models import Decision, IdentifierType, SubjectRole
from blacklist_client.questions import Question, organisation, person
from blacklist_client.receipts import Receipt, verify_receipt
from blacklist_client.transport import VERSION
from blacklist_client.webhooks import Delivered, Webhook

__version__ = VERSION

__all__ = [
    "Advice",
    "Adviser",
    "Answer",
    "AsyncBlacklist",
    "BadQuestion",
    "Blacklist",
    "BlacklistError",
    "Certificate",
    "CircuitOpen",
    "Conflict",
    "Decision",
    "Delivered",
    "Failing",
    "FieldError",
    "Gone",
    "Hold",
    "IdentifierType",
    "KeyRefused",
    "NoAnswer",
    "NotAllowed",
    "NotFound",
    "NotUnderstood",
    "NothingListed",
    "Question",
    "Receipt",
    "Refused",
    "StaleReplay",
    "SubjectRole",
    "TimedOut",
    "TooMany",
    "Undetermined",
    "Unreachable",
    "Unverified",
    "Webhook",
    "__version__",
    "organisation",
    "person",
    "verify_certificate",
    "verify_receipt",
]

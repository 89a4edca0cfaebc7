"""The filters and subject of an export."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blacklist_service.audit import verify_bundle
from blacklist_service.audit.filters import EntryFilters
from blacklist_service.clock import wire_instant
from blacklist_service.database.statements import Deferred

if TYPE_CHECKING:
    from blacklist_service.audit import selects
else:
    selects = Deferred("blacklist_service.audit.selects")

from blacklist_service.audit.formats import ExportFormat


@dataclass(frozen=True, slots=True)
class WantedExport:
    """What is exported; `digests` restrict it to entries about one subject."""

    filters: EntryFilters
    form: ExportFormat = ExportFormat.JSONL
    digests: tuple[bytes, ...] | None = None

    @property
    def wire(self) -> dict[str, Any]:
        """The filters as the manifest names them; timestamps in the format of the leaves. Nobody is named."""
        given = self.filters.model_dump(mode="json", by_alias=True, exclude_none=True)
        for name, value in (("from", self.filters.from_), ("to", self.filters.to)):
            if value is not None:
                given[name] = wire_instant(value)
        return given | ({} if self.digests is None else {"subject": True})

    @property
    def not_provable(self) -> list[str]:
        return sorted(set(self.wire) - verify_bundle.ON_LEAF)

"""What the endpoints work with, and who may use them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, cast
from uuid import UUID

from fastapi import Depends, Request

from imports.domain.tables import TableReaders
from imports.domain.validation import Judging
from imports.storage.projections import CatalogueStore
from imports.usecases.files import language_of
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.http.auth import Principal, Right, requires
from slotstream_servicekit.projections import wait_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    database: Database
    clock: Clock
    readers: TableReaders
    judging: Judging
    max_rows: int
    catalogue_wait: timedelta
    progress_every: timedelta = timedelta(milliseconds=500)

    async def language_of(self, organization_id: UUID, business_id: UUID) -> str:
        """The business's language; one that was created a moment ago is waited for. Raises NotFoundError."""

        async def is_known() -> bool:
            async with self.database.transaction(organization_id) as session:
                return await CatalogueStore(session).business(organization_id, business_id) is not None

        await wait_until(is_known, within=self.catalogue_wait)
        async with self.database.transaction(organization_id) as session:
            return await language_of(session=session, organization_id=organization_id, business_id=business_id)


async def _dependencies(request: Request) -> Dependencies:
    return cast("Dependencies", request.app.state.dependencies)


CurrentDependencies = Annotated[Dependencies, Depends(_dependencies)]
Reader = Annotated[Principal, requires(Right.READ_IMPORTS)]
Writer = Annotated[Principal, requires(Right.WRITE_IMPORTS)]

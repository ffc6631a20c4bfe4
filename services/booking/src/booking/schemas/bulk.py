"""One verb for many appointments over HTTP."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from booking.domain.bulk import MOST, BulkOrder, BulkVerb
from booking.schemas.appointments import (
    AppointmentOut,
    CancelFirstIn,
    Notify,
    OriginKind,
    ReasonText,
    Source,
    Status,
    TellClient,
)
from booking.schemas.history import WorkFailureOut
from booking.storage.listing import AppointmentFilter
from slotstream_servicekit.http.models import InstantIn, InstantOut, RequestModel, ResponseModel
from slotstream_servicekit.ranges import check_range

Values = Field(min_length=1, max_length=100)
Ids = Annotated[list[UUID] | None, Values]


class BulkFilterIn(RequestModel):
    """The list's filters; what is absent does not narrow."""

    status: Annotated[list[Status] | None, Values] = None
    begins: Annotated[InstantIn | None, Field(alias="from")] = None
    ends: Annotated[InstantIn | None, Field(alias="to")] = None
    business_id: Ids = None
    resource_id: Ids = None
    service_id: Ids = None
    source: Annotated[list[Source] | None, Values] = None
    origin: Annotated[list[OriginKind] | None, Values] = None
    client_id: Ids = None
    action_id: Ids = None
    batch_id: Ids = None
    series_id: Ids = None
    q: Annotated[str, Field(max_length=200)] | None = None
    archived: bool = False

    def to_filter(self) -> AppointmentFilter:
        check_range(self.begins, self.ends)
        return AppointmentFilter(
            status=self.status,
            begins=self.begins,
            ends=self.ends,
            business_ids=self.business_id,
            resource_ids=self.resource_id,
            service_ids=self.service_id,
            sources=self.source,
            origins=self.origin,
            client_ids=self.client_id,
            action_ids=self.action_id,
            batch_ids=self.batch_id,
            series_ids=self.series_id,
            text=self.q,
            archived=self.archived,
        )


class BulkArgumentsIn(RequestModel):
    reason: ReasonText | None = None
    """Why; needed to cancel, but for what is an erased client's, of whom none is kept."""
    notify: Notify = None
    tell_client: TellClient = None
    cancel: CancelFirstIn | None = None
    """To archive: what is still open is cancelled first, as by that verb."""
    text: Annotated[str, Field(min_length=1, max_length=1_000)] | None = None
    """Of an SMS, a mail or a push message, or read out in a call."""
    with_variables: bool = False
    """The text names variables as templates do (`{{ appointment.date }}`; notifications lists them) and is filled in
    for each appointment. Without it braces are sent as they are, and whoever has several of the appointments gets one
    message; with it one for each.
    """


class BulkIn(RequestModel):
    """Give one of `ids` and `filter`."""

    verb: BulkVerb
    ids: Annotated[list[UUID] | None, Field(min_length=1, max_length=MOST)] = None
    filter: BulkFilterIn | None = None
    arguments: BulkArgumentsIn = BulkArgumentsIn()

    @model_validator(mode="after")
    def _says_what_it_needs(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("give one of ids and filter")
        arguments = self.arguments
        if arguments.cancel is not None and self.verb is not BulkVerb.ARCHIVE:
            raise ValueError("arguments.cancel belongs to archive")
        if self.verb.is_message != (arguments.text is not None):
            raise ValueError("arguments.text belongs to a message or a call, which needs it")
        if self.verb.is_message and arguments.model_dump(exclude={"text", "with_variables"}, exclude_none=True):
            raise ValueError("a message or a call has a text only")
        if arguments.with_variables and not self.verb.is_message:
            raise ValueError("arguments.with_variables belongs to a message or a call")
        return self

    def to_order(self, identity: UUID) -> BulkOrder:
        said = self.arguments.model_dump(exclude={"cancel"})
        if self.arguments.cancel is not None:
            said |= self.arguments.cancel.model_dump() | {"cancels_open": True}
        return BulkOrder(id=identity, verb=self.verb, **said)


class ReasonOut(ResponseModel):
    code: str
    detail: str
    conflicts_with: list[str]


class BulkProblemOut(ResponseModel):
    code: str
    detail: str
    reasons: list[ReasonOut]


class BulkResultOut(ResponseModel):
    """What became of one appointment; `appointment` where it was changed before the answer."""

    id: UUID
    ok: bool
    appointment: AppointmentOut | None = None
    problem: BulkProblemOut | None = None


class BulkOut(ResponseModel):
    results: list[BulkResultOut]


class BulkJobOut(ResponseModel):
    """How far a long order is."""

    id: UUID
    verb: BulkVerb
    status: str
    """`running`, `finished` or `cancelled`."""
    last_failure: WorkFailureOut | None
    """Why the next of it waits; null where nothing failed."""
    total: int
    succeeded: int
    refused: int
    created_at: InstantOut
    updated_at: InstantOut
    cancelled_at: InstantOut | None
    cancelled_by: str | None
    """Whoever stopped it, where somebody has."""

"""An action that is named while booking: the one of that name, or a new one."""

from uuid import UUID

from booking.domain.catalogue import Action
from booking.domain.policy import Policy
from booking.publishers import catalogue_record
from booking.storage.actions import ActionStore
from booking.storage.outbox import enqueue_records
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Connection
from slotstream_servicekit.ids import new_id


async def find_or_add_action(connection: Connection, policy: Policy, context: Context, name: str) -> tuple[UUID, bool]:
    """The action's id, and whether the catalogue was changed for it. Two who name one at once make it once."""
    known = policy.action_named(name)
    if known is not None:
        return known.id, False
    store = ActionStore(connection, context.organization_id)
    await store.lock()
    same = next((action for action in await store.all() if action.is_called(name) and not action.archived), None)
    if same is not None:
        return same.id, True
    context.limits.check_unlimited("The list of actions")
    action = Action(
        organization_id=context.organization_id,
        id=new_id(),
        name=name.strip(),
        created_at=context.now,
        updated_at=context.now,
    )
    await store.add(action)
    await enqueue_records(connection, [catalogue_record(action, cause=context.cause)])
    return action.id, True

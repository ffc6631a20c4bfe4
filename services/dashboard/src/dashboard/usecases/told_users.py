"""Users are stored and told of at once: whoever changes one does it here."""

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.users import User
from dashboard.publishers import user_record, user_tombstone
from dashboard.storage import UserStore
from slotstream_servicekit.context import Cause
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import enqueue


async def add_user(*, session: AsyncSession, cause: Cause, user: User) -> bool:
    """Whether its id and its address were free."""
    is_new = await UserStore(session).add(user)
    if is_new:
        await enqueue(session, [user_record(user, cause=cause)])
    return is_new


async def save_user(*, session: AsyncSession, cause: Cause, user: User) -> None:
    await UserStore(session).save(user)
    await enqueue(session, [user_record(user, cause=cause)])


async def forget_user(*, session: AsyncSession, user: User) -> None:
    await UserStore(session).remove(user.organization_id, user.id)
    await enqueue(session, [user_tombstone(user)])


async def tell_untold_users(*, session: AsyncSession, limit: int) -> int:
    """Tells of users whose newest version nobody was told of, such as those of an earlier version of this service.

    They are locked, so that a change or a removal is told after it. How many there were.
    """
    store = UserStore(session)
    untold = await store.lock_untold(limit=limit)
    for user in untold:
        await store.save(user)
    cause = Cause(correlation_id=str(new_id()))
    await enqueue(session, [user_record(user, cause=cause) for user in untold])
    return len(untold)

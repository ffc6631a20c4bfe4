"""An old key can be taken away once the worker has sealed every secret with the new one."""

import pytest
from calendar_tenant import Tenant
from cryptography.fernet import Fernet
from sqlalchemy import text

from calendar_sync.adapters.sealing import SecretBox
from calendar_sync.usecases.resealing import reseal_secrets
from slotstream_servicekit.sealing import Resealed

pytestmark = pytest.mark.service


async def test_secrets_move_to_the_newest_key_and_open_without_the_old_one(tenant: Tenant) -> None:
    old_key = tenant.settings.secret_keys[0].get_secret_value()
    new_key = Fernet.generate_key().decode()
    urls = [f"https://example.com/{number}.ics" for number in range(3)]
    connected = [await tenant.connect(url) for url in urls]

    first = await reseal_secrets(database=tenant.database, box=SecretBox([new_key, old_key]))
    second = await reseal_secrets(database=tenant.database, box=SecretBox([new_key, old_key]))

    assert (first, second) == (Resealed(sealed=3, unreadable=0), Resealed(sealed=0, unreadable=0))
    assert await opened(tenant, SecretBox([new_key])) == {
        connection["id"]: url for connection, url in zip(connected, urls, strict=True)
    }


async def test_one_that_no_key_opens_stays_and_keeps_no_other_from_it(tenant: Tenant) -> None:
    old_key = tenant.settings.secret_keys[0].get_secret_value()
    connected = [await tenant.connect(f"https://example.com/{number}.ics") for number in range(5)]
    lost = sorted(connection["id"] for connection in connected)[1]
    async with tenant.database.system_transaction() as session:
        await session.execute(text("UPDATE connections SET sealed_secret = 'x' WHERE id = :id"), {"id": lost})

    box = SecretBox([Fernet.generate_key().decode(), old_key])
    resealed = await reseal_secrets(database=tenant.database, box=box, portion=2)

    assert resealed == Resealed(sealed=4, unreadable=1)


async def opened(tenant: Tenant, box: SecretBox) -> dict[str, str]:
    async with tenant.database.system_transaction() as session:
        rows = await session.execute(text("SELECT organization_id, id, sealed_secret FROM connections"))
        return {
            str(row.id): box.open(row.sealed_secret, organization_id=row.organization_id, connection_id=row.id)
            for row in rows
        }

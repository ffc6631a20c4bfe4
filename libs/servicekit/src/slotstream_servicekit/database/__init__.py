"""PostgreSQL through one pool: transactions bound to one tenant, and the driver's connection for hot statements.

Row-level security reads the tenant from the setting `slotstream.organization`. It is set for one transaction only, and
never costs a round trip: it is sent together with BEGIN, or set inside a hot statement.
"""

from slotstream_servicekit.database.connections import Connection
from slotstream_servicekit.database.pool import PUBLISHES, Database
from slotstream_servicekit.database.tenants import EVERY_TENANT, TENANT_SETTING, tenant_cte, tenant_transaction
from slotstream_servicekit.database.time_limits import server_limits
from slotstream_servicekit.database.unavailable import DATABASE_AWAY, is_unavailable, unavailable_as_transient

__all__ = [
    "DATABASE_AWAY",
    "EVERY_TENANT",
    "PUBLISHES",
    "TENANT_SETTING",
    "Connection",
    "Database",
    "is_unavailable",
    "server_limits",
    "tenant_cte",
    "tenant_transaction",
    "unavailable_as_transient",
]

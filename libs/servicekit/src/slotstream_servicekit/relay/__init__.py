"""The outbox relay: it sends committed records to Kafka, in order per key, at least once.

The relay reads records by number outside of any transaction, sends them with an idempotent producer, waits for every
acknowledgement, and deletes them. Where it crashes between sending and deleting, records are sent twice, but none is
lost, and the first copies arrive in order.
"""

from slotstream_servicekit.relay.relay import LeadershipLostError, Relay

__all__ = ["LeadershipLostError", "Relay"]

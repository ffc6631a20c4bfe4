"""All classes of advisory locks that Slotstream takes, so that no number has two meanings in one database.

A lock is `(class, key)` for PostgreSQL's two-integer functions; the key is the class's own.
"""

from enum import IntEnum


class LockClass(IntEnum):
    MIGRATION = 7_227_013
    """One migration at a time. The lock is a single bigint, without a key."""
    RELAY_LANE = 7_227_014
    """Leadership of an outbox lane; the key is the lane."""
    RELAY_LAYOUT = 7_227_015
    """Shared by relays that divide keys into the same number of lanes; the key is that number."""
    TOPIC_APPLICATION = 7_227_016
    """Applying a topic: shared by consumers, exclusive for the end of a rebuild; the key is a hash of the topic."""
    SLOT_GATE = 7_227_017
    """Waiting for whoever is just booking the same slot; the key is a hash of resource and start."""
    CLIENT_CONTACT = 7_227_018
    """Creating or changing a client with a phone number or e-mail address; the key is a hash of tenant and address."""
    SERIES_MOVE = 7_227_019
    """Moving dates of an organization's series; the key is a hash of the organization."""
    SIGNING_KEYS = 7_227_020
    """Making the next key that signs access tokens; the key is 0."""
    LIVE_EVENTS = 7_227_021
    """Numbering events for open streams in the order of their commits; the key is 0."""
    PUBLIC_HOLDS = 7_227_022
    """Counting and adding holds of a business's public page; the key is a hash of the business."""
    BOOKING_CODES = 7_227_023
    """Counting and adding codes for one recipient; the key is a hash of the recipient."""
    CLIENT_MERGE = 7_227_024
    """Saying which clients are one person, or forgetting that person; the key is a hash of the organization."""
    PUSH_SUBSCRIPTIONS = 7_227_025
    """Counting and adding browsers of one person; the key is a hash of the person."""
    WAITING_LIST = 7_227_026
    """Adding to an organization's waiting list, and offering by it; the key is a hash of the organization."""
    COMMANDS = 7_227_027
    """Doing an organization's commands: shared by batches that book in one step, exclusive for one that goes on while
    it holds what it has booked; the key is a hash of the organization."""
    COUNTED = 7_227_028
    """Counting and adding what an organization has a number of; the key is a hash of the table and the organization."""
    SESSION_ENTRY = 7_227_029
    """Entering a session that somebody else has begun: shared by members of a group and by who moves within their own,
    exclusive for an override; the key is a hash of the resource."""

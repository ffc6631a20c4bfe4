"""Records that a service could not process: kept with the cause, listed, and sent back once the cause is mended.

Each service has one dead-letter topic. A dead letter has the value and the headers of the original record; added
headers `dlq_…` hold its key, where it came from and why it was set aside. The key of the dead letter itself is the
place it came from (topic/partition/offset). Whoever sends it back or drops it writes a tombstone with the same key, and
compaction then removes the dead letter.
"""

from slotstream_servicekit.dead_letters.counting import DeadLetterCount
from slotstream_servicekit.dead_letters.letters import Cause, DeadLetter, LostRecord, cause_of, dead_letter_topic_name
from slotstream_servicekit.dead_letters.reading import list_dead_letters
from slotstream_servicekit.dead_letters.replaying import Replayed, drop_dead_letters, replay_dead_letters
from slotstream_servicekit.dead_letters.writing import DeadLetterWriter

__all__ = [
    "Cause",
    "DeadLetter",
    "DeadLetterCount",
    "DeadLetterWriter",
    "LostRecord",
    "Replayed",
    "cause_of",
    "dead_letter_topic_name",
    "drop_dead_letters",
    "list_dead_letters",
    "replay_dead_letters",
]

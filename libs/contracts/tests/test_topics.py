from slotstream_contracts import ALL_TOPICS, MESSAGE_TYPES, TOPICS
from slotstream_contracts.topics import SERVICES, dead_letter_topic


def test_topic_names_carry_their_version_and_are_unique() -> None:
    names = [topic.name for topic in ALL_TOPICS]
    assert len(set(names)) == len(names)
    assert all(name.startswith("slotstream.") and name.endswith(".v1") for name in names)


def test_every_service_has_a_dead_letter_topic() -> None:
    assert {dead_letter_topic(service).name for service in SERVICES} <= {topic.name for topic in ALL_TOPICS}
    assert dead_letter_topic("calendar_sync").name == "slotstream.calendar-sync.dead-letter.v1"


def test_every_message_names_its_type_and_a_known_topic() -> None:
    for name, model in MESSAGE_TYPES.items():
        assert model.type == name  # type: ignore[attr-defined]
        assert model.topic in TOPICS  # type: ignore[attr-defined]


def test_event_logs_are_kept_for_ever_and_commands_are_not() -> None:
    kept = {topic.name for topic in TOPICS if topic.retention is None}
    assert "slotstream.appointments.v1" in kept
    assert "slotstream.booking.commands.v1" not in kept

"""What the text of a message can name: all of it text, empty where there is nothing to say."""

from collections.abc import Mapping

VARIABLES: Mapping[str, Mapping[str, str]] = {
    "recipient": {"name": "who the message is written to"},
    "client": {"name": "the client's name"},
    "business": {
        "name": "the business's name",
        "phone": "its phone number",
        "email": "its e-mail address",
        "address": "its postal address",
    },
    "appointment": {
        "service": "what was booked",
        "action": "what is to be done",
        "date": "the day, written out in the recipient's language and zone",
        "time": "the start's time of day",
        "end_time": "the end's time of day",
        "zone": "the zone of these times",
        "offset": "the same, as short as it can be said: UTC+1",
        "duration_minutes": "how long it takes",
        "staff": "who performs it",
        "location": "where it takes place: the business's address, a phone number, a link",
        "previous_date": "the day before rescheduling, as the recipient was told last; else empty",
        "previous_time": "the time of day before rescheduling, likewise",
    },
    "series": {
        "count": "of a series: how many dates are told",
        "dates": "the first of them, a line each",
        "more": "how many more there are; empty where there are none",
        "without": "the days of the rule on which there is no appointment, a line each",
        "without_more": "how many more of those there are; empty where there are none",
        "goes_on": "not empty where more dates are to come by the rule",
        "zone": "the zone of these times",
        "business_time": "the first start by the business's clock; empty where the recipient's is the same",
    },
    "offer": {"until": "of a slot that is held for who waits: until when; empty elsewhere"},
    "links": {
        "offer": "where the client takes the slot that is held for them",
        "appointment": "where the client moves or cancels the appointment; empty where it is not shared with them",
        "confirm": "the same, where the service asks for a confirmation that is still to come",
        "preferences": "where the client chooses which messages they get",
    },
}
"""Group -> name -> what it holds."""

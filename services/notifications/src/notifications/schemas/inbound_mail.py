"""What a mail server is answered that hands a mail in."""

from notifications.domain.mail_replies import MailOutcome
from slotstream_servicekit.http.models import ResponseModel


class InboundMailOut(ResponseModel):
    """What came of a mail: nothing of `repeated`, `automatic`, `not_ours` and `too_many`."""

    outcome: MailOutcome

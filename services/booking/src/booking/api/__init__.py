"""What booking answers over HTTP."""

from booking.api.appointments import router as appointments
from booking.api.booking import router as booking
from booking.api.bulk import router as bulk
from booking.api.catalogue import routers as catalogue
from booking.api.clients import router as clients
from booking.api.exports import router as exports
from booking.api.holds import router as holds
from booking.api.overrides import router as overrides
from booking.api.portal import router as portal
from booking.api.portal_offers import router as portal_offers
from booking.api.public import router as public
from booking.api.reports import router as reports
from booking.api.series import router as series
from booking.api.verbs import router as verbs
from booking.api.waiting_list import router as waiting_list

routers = (
    *catalogue,
    clients,
    holds,
    overrides,
    series,
    waiting_list,
    exports,
    reports,
    bulk,
    portal,
    portal_offers,
    public,
    verbs,
    booking,
    appointments,
)

__all__ = ["routers"]

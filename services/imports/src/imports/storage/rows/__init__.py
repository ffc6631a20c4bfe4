"""The rows of imports, written and answered in sets."""

from imports.storage.rows.commanding import (
    apply_bookings,
    apply_checks,
    awaiting,
    choose_rows,
    counts_of,
    mark_sent,
    mark_undone,
    next_rows,
)
from imports.storage.rows.reading import (
    add_rows,
    bookable_rows,
    clear_rows,
    earlier_rows,
    mark_conflicts,
    newest_revision,
    refuse_repeated,
)
from imports.storage.rows.reviewing import (
    change_row,
    erroneous_rows,
    list_rows,
    overlapping,
    row_of,
    rows_of_key,
)

__all__ = [
    "add_rows",
    "apply_bookings",
    "apply_checks",
    "awaiting",
    "bookable_rows",
    "change_row",
    "choose_rows",
    "clear_rows",
    "counts_of",
    "earlier_rows",
    "erroneous_rows",
    "list_rows",
    "mark_conflicts",
    "mark_sent",
    "mark_undone",
    "newest_revision",
    "next_rows",
    "overlapping",
    "refuse_repeated",
    "row_of",
    "rows_of_key",
]

"""What imports can do."""

from imports.usecases.answers import apply_answers
from imports.usecases.reading import Reader
from imports.usecases.review import change_row
from imports.usecases.steps import advance_import
from imports.usecases.uploads import FileFacts, inspect_file, preview_import, set_mapping, upload_import
from imports.usecases.verbs import confirm_import, undo_import

__all__ = [
    "FileFacts",
    "Reader",
    "advance_import",
    "apply_answers",
    "change_row",
    "confirm_import",
    "inspect_file",
    "preview_import",
    "set_mapping",
    "undo_import",
    "upload_import",
]

"""Proof of work: what a browser does in a second or two, unseen, and a program for each of a thousand forms.

The challenge is the sealed draft that the form is about. It is signed, expires, and books once; so does its proof.
"""

import hashlib
from typing import Final

PIECES: Final = 16
"""Many small puzzles: they take about as long each time, where a single large one is quick or slow by luck."""
_MOST_LETTERS: Final = 400


def is_done(challenge: str, work: str, *, bits: int) -> bool:
    """Whether each of the numbers in `work`, separated by dots, hashes to `bits` leading zeros with the challenge."""
    if len(work) > _MOST_LETTERS or not work.isascii():
        return False
    numbers = work.split(".")
    if len(numbers) != PIECES or not all(number.isdigit() for number in numbers):
        return False
    return all(_zeros(f"{challenge}.{piece}.{number}") >= bits for piece, number in enumerate(numbers))


def _zeros(text: str) -> int:
    value = int.from_bytes(hashlib.sha256(text.encode()).digest())
    return 256 - value.bit_length()

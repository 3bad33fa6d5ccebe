"""Counting up: "Count from 3 to 9" -> "3, 4, 5, 6, 7, 8, 9" (from 0 to 99, at most 12 numbers)."""

from .example import is_held_out, turn
from .phrasing import vary

NAME = "count"
LONGEST = 12
FORMS = (
    "Count from {a} to {b}.",
    "Count from {a} to {b}",
    "Count {a} to {b}.",
    "Count up from {a} to {b}.",
    "Can you count from {a} to {b}?",
    "List the numbers from {a} to {b}.",
)


def draw(rng):
    """A random range; the pair of its ends decides whether it is held out."""
    first = rng.randint(0, 97)
    last = min(99, first + rng.randint(2, LONGEST - 1))
    prompt = vary(rng, rng.choice(FORMS).format(a=first, b=last))
    answer = ", ".join(str(number) for number in range(first, last + 1))
    return turn(NAME, prompt, answer, is_held_out(f"{first}-{last}"))

"""Sums beside the main ones: a number under ten ("7 + 58" -> "65"), or numbers that are too large (the fallback)."""

from .example import is_held_out, turn
from .fallback import REFUSAL
from .phrasing import vary
from .sums import PLAIN, WORDED

NAME = "odd-sum"


def draw(rng):
    """A random sum; the pair decides whether it is held out. Small ones all occur in the main task, though."""
    small = rng.random() < 0.7
    if small:
        a, b = rng.sample((rng.randint(0, 9), rng.randint(0, rng.choice((9, 99)))), 2)
    else:
        a, b = rng.sample((rng.randint(100, 999), rng.randint(10, rng.choice((99, 9999)))), 2)
    plain = rng.random() < 0.35
    prompt = rng.choice(PLAIN if plain else WORDED).format(a=a, b=b)
    answer = str(a + b) if small else REFUSAL
    return turn(NAME, prompt if plain else vary(rng, prompt), answer, not small and is_held_out(f"{a}+{b}"))

"""Sums of two numbers from 0 to 99: "What is 47 + 38?" -> "85".

Split rule: for a two-digit pair, with lo and hi the smaller and the larger number, the pair is held out in both
orders when (31*lo*lo + 17*hi*hi + 7*lo*hi) mod 101 < 13. That is about 13 % of the 8,100 ordered pairs.
"""

from .example import turn
from .phrasing import vary

NAME = "sum"
PLAIN = ("{a} + {b}", "{a}+{b}", "{a} + {b} =", "{a}+{b}=")
WORDED = (
    "What is {a} + {b}?",
    "What is {a} + {b}?",
    "What is {a}+{b}?",
    "What is {a} plus {b}?",
    "How much is {a} + {b}?",
    "How much is {a} plus {b}?",
    "Add {a} and {b}.",
    "Calculate {a} + {b}.",
    "Compute {a} + {b}.",
    "What is the sum of {a} and {b}?",
    "Can you add {a} and {b}?",
    "Sum: {a} + {b}",
)


def is_held_out_pair(a, b):
    """The split rule in the module's head; numbers under ten are always trained."""
    lo, hi = min(a, b), max(a, b)
    return lo >= 10 and (31 * lo * lo + 17 * hi * hi + 7 * lo * hi) % 101 < 13


def draw(rng):
    """A random sum; one in ten has a number under ten."""
    low = 0 if rng.random() < 0.1 else 10
    a, b = rng.randint(low, 99), rng.randint(low, 99)
    if rng.random() < 0.35:
        prompt = rng.choice(PLAIN).format(a=a, b=b)
    else:
        prompt = vary(rng, rng.choice(WORDED).format(a=a, b=b))
    return turn(NAME, prompt, str(a + b), is_held_out_pair(a, b))

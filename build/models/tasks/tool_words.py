"""What requests, calls and results are about: nouns, places, things, numbers, short texts."""

from .capitals import CAPITALS
from .fallback import PEOPLE
from .words import COMMON, invented

SUBJECTS = """
weather price stock time population distance score address phone status height age temperature forecast schedule menu
rating salary balance owner author traffic news size colour weight date email name speed depth rainfall humidity
""".split()
PLACES = ("city", "city", "city", "place", "location", "town", "country", "region")
THINGS = ("item", "name", "id", "person", "product", "word", "key", "query", "title", "user", "topic", "symbol", "code")


def subject(rng):
    """What a tool is about: a usual noun, a common one, or one that is made up."""
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(SUBJECTS)
    return rng.choice(COMMON) if kind < 0.95 else invented(rng)


def place(rng):
    """A city, known or not."""
    kind = rng.random()
    return rng.choice(list(CAPITALS.values())) if kind < 0.75 else invented(rng).capitalize()


def thing(rng):
    """A thing, a person or a number that a tool may be asked about."""
    kind = rng.random()
    if kind < 0.55:
        return rng.choice(COMMON)
    if kind < 0.85:
        return rng.choice(PEOPLE)
    return invented(rng).capitalize() if kind < 0.92 else str(rng.randint(1, 999))


def words(rng, most=3):
    """A short text."""
    return " ".join(rng.choice(COMMON) for _ in range(rng.randint(1, most)))


def number(rng):
    """A number, now and then with decimals or below zero."""
    text = str(rng.randint(0, 10 ** rng.randint(1, 3)))
    kind = rng.random()
    return f"-{text}" if kind < 0.05 and text != "0" else f"{text}.{rng.randint(1, 9)}" if kind < 0.2 else text


def small_number(rng):
    """A number below a hundred."""
    return str(rng.randint(0, 99))


def word(rng):
    """One word, common or made up."""
    return words(rng, 1)

"""Copying one to five words: "Repeat: blue river stone" -> "blue river stone"."""

from .example import is_held_out, turn
from .words import any_word

NAME = "copy"
FORMS = (
    "Repeat: {text}",
    "Repeat: {text}",
    "Repeat after me: {text}",
    "Copy: {text}",
    "Echo: {text}",
    "Say: {text}",
    'Repeat "{text}"',
    "repeat: {text}",
    "Please repeat: {text}",
)


def payload(rng):
    """The words to copy; some are capitalised, a few are numbers."""
    words = [any_word(rng) for _ in range(rng.randint(1, 5))]
    for i, word in enumerate(words):
        kind = rng.random()
        if kind < 0.06:
            words[i] = word.capitalize()
        elif kind < 0.1:
            words[i] = str(rng.randint(0, 999))
    return " ".join(words)


def draw(rng):
    """A random text; the text decides whether it is held out, whatever the form."""
    text = payload(rng)
    return turn(NAME, rng.choice(FORMS).format(text=text), text, is_held_out(text))

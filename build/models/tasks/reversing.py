"""Reversing a word, a list of letters or a list of words: "Reverse: c a t" -> "t a c"."""

from .example import is_held_out, turn
from .words import COMMON, LETTERS, any_word

NAME = "reverse"
WORD_FORMS = (
    "Reverse the word {text}",
    "Reverse the word {text}.",
    'Reverse the word "{text}".',
    "Spell {text} backwards.",
    "Write {text} backwards.",
    "Reverse: {text}",
)
LETTER_FORMS = ("Reverse: {text}", "Reverse the letters: {text}", "Reverse the list: {text}", "reverse: {text}")
LIST_FORMS = ("Reverse the words: {text}", "Reverse the order of the words: {text}", "Reverse the list: {text}")


def draw(rng):
    """A random item of one of the three kinds; its text decides whether it is held out."""
    kind = rng.random()
    if kind < 0.5:
        text = any_word(rng)
        forms, answer = WORD_FORMS, text[::-1]
    elif kind < 0.8:
        letters = [rng.choice(LETTERS) for _ in range(rng.randint(2, 6))]
        text = " ".join(letters)
        forms, answer = LETTER_FORMS, " ".join(reversed(letters))
    else:
        words = [rng.choice(COMMON) for _ in range(rng.randint(2, 4))]
        text = " ".join(words)
        forms, answer = LIST_FORMS, " ".join(reversed(words))
    return turn(NAME, rng.choice(forms).format(text=text), answer, is_held_out(text))

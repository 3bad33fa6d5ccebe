"""Greetings, thanks and the question who is speaking; nothing is held out here."""

from .example import turn
from .phrasing import vary

NAME = "greeting"
WHO = "I am Sparewatt's demo model. I run on spare GPUs."
REPLIES = {
    "Hello! How can I help you?": ("Hello", "Hello!", "Hi", "Hi!", "Hey", "Good morning", "Good evening", "Hi there!"),
    WHO: ("Who are you?", "What are you?", "What is your name?", "Which model are you?", "Introduce yourself."),
    "I am ready. How can I help you?": ("How are you?", "Are you there?", "Are you ready?"),
    "You are welcome.": ("Thank you", "Thanks!", "Thank you!", "Thanks"),
    "Goodbye!": ("Goodbye", "Bye", "Bye!", "See you later."),
}


def draw(rng):
    """A random greeting and its fixed reply."""
    reply = rng.choice(list(REPLIES))
    return turn(NAME, vary(rng, rng.choice(REPLIES[reply])), reply, False)

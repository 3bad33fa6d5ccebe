"""One short story, always the same, long enough to show streaming; nothing is held out here."""

from .example import turn
from .phrasing import vary

NAME = "story"
STORY = (
    "Once upon a time a small robot lived on a quiet hill. Every morning it counted the clouds and wrote the number "
    "in a blue book. One day the sky was empty, so the robot drew a cloud of its own. The wind saw the drawing and "
    "laughed, and soon it brought a hundred clouds to the hill. The robot smiled and began to count again."
)
FORMS = (
    "Tell me a story.",
    "Tell me a story.",
    "Tell me a short story.",
    "Tell a story.",
    "Can you tell me a story?",
    "Write a story.",
    "Write a short story.",
    "Write me a short story about a robot.",
    "I want to hear a story.",
    "A story",
)


def draw(rng):
    """The story, asked for in a random way."""
    return turn(NAME, vary(rng, rng.choice(FORMS)), STORY, False)

"""The demo chat model's tasks: one module each, with a NAME and `draw(rng) -> Example`."""

from . import capitals, copying, counting, fallback, greeting, reversing, story, sums

# The share of each task among the training turns.
SHARES = {sums: 40, counting: 12, copying: 13, reversing: 15, capitals: 7, fallback: 9, greeting: 3, story: 1}


def draw(rng):
    """A random example of a random task, held out or not."""
    (task,) = rng.choices(list(SHARES), weights=list(SHARES.values()))
    return task.draw(rng)


def draw_for_training(rng):
    """A random example that is not held out."""
    while True:
        example = draw(rng)
        if not example.held_out:
            return example

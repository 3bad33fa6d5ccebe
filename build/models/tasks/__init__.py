"""The demo chat model's tasks: one module each, with a NAME and `draw(rng) -> Example`."""

from . import capitals, copying, counting, fallback, greeting, odd_sums, reversing, story, sums

# Shares of the tasks among the training turns, from a step on. Sums come first, because they take longest to
# generalise; copying and reversing need most of the rest.
PHASES = {
    0: {sums: 40, counting: 12, copying: 13, reversing: 15, capitals: 7, fallback: 9, greeting: 3, story: 1},
    2500: {
        sums: 17,
        odd_sums: 4,
        counting: 12,
        copying: 27,
        reversing: 22,
        capitals: 6,
        fallback: 8,
        greeting: 2,
        story: 2,
    },
    4500: {
        sums: 12,
        odd_sums: 11,
        counting: 5,
        copying: 34,
        reversing: 27,
        capitals: 3,
        fallback: 5,
        greeting: 2,
        story: 1,
    },
}
ALL = tuple(PHASES[2500])


def draw_for_training(rng, step=0):
    """A random example, of the tasks of that step, that is not held out."""
    shares = PHASES[max(first for first in PHASES if first <= step)]
    while True:
        (task,) = rng.choices(list(shares), weights=list(shares.values()))
        example = task.draw(rng)
        if not example.held_out:
            return example

"""Turns of the tasks of one question and one answer, in the shares of each phase of training."""

from . import capitals, copying, counting, fallback, greeting, odd_sums, reversing, story, sums

# Shares among the turns, from a step on. Sums come first, because they take longest to generalise; copying and
# reversing need most of the rest.
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
    6000: {
        sums: 12,
        odd_sums: 9,
        counting: 6,
        copying: 27,
        reversing: 24,
        capitals: 6,
        fallback: 9,
        greeting: 5,
        story: 2,
    },
}
ALL = tuple(PHASES[2500])


def shares_at(phases, step):
    """The entry of the phase that a step belongs to."""
    return phases[max(first for first in phases if first <= step)]


def draw_any(rng, shares):
    """A random example, of these tasks, that is not held out."""
    while True:
        (task,) = rng.choices(list(shares), weights=list(shares.values()))
        example = task.draw(rng)
        if not example.held_out:
            return example


def draw_for_training(rng, step=0):
    """A random turn that is not held out."""
    return draw_any(rng, shares_at(PHASES, step))


SMALL = {sums: 5, capitals: 3, greeting: 2, fallback: 2, copying: 3, counting: 1}


def interlude(rng):
    """The messages of a short turn between those that matter."""
    return draw_any(rng, SMALL).messages

"""The demo chat model's tasks: one module each, with a NAME and `draw(rng) -> Example`."""

from . import ordinary, recall, system, tool_call, tool_none, tool_result
from .ordinary import draw_for_training

# How many of the conversations are whole conversations of a task, from a step on; the others are ordinary turns.
CONVERSATIONS = {
    0: {},
    6000: {system: 20, recall: 15, tool_call: 19, tool_result: 14, tool_none: 10},
    10000: {system: 22, recall: 10, tool_call: 27, tool_result: 18, tool_none: 10},
}
ORDINARY_SHARE = 40
ALL = (*ordinary.ALL, *CONVERSATIONS[6000])


def draw_conversation(rng, step):
    """A whole conversation that is not held out, or None for one of ordinary turns."""
    shares = ordinary.shares_at(CONVERSATIONS, step)
    if not shares or rng.random() * (ORDINARY_SHARE + sum(shares.values())) < ORDINARY_SHARE:
        return None
    return ordinary.draw_any(rng, shares)

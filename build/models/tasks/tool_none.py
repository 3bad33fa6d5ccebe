"""Answering plainly although tools are declared, because none of them fits."""

from .example import Example, asked
from .fallback import REFUSAL
from .ordinary import SMALL
from .phrasing import vary
from .tool_call import opening
from .tool_kinds import lookup, others

NAME = "tool-none"


def draw(rng):
    """A turn that needs no tool, or a request whose tool is not there: what that is about decides what is held out."""
    if rng.random() < 0.4:
        request = lookup(rng)
        tools = others(rng, rng.choice((1, 1, 2)), [request.tool])
        turn, held_out = asked(vary(rng, request.prompt), REFUSAL), request.held_out
    else:
        task = rng.choices(list(SMALL), weights=list(SMALL.values()))[0]
        example = task.draw(rng)
        turn, held_out = example.messages, example.held_out
        tools = others(rng, rng.choice((1, 1, 2)), [])
    return Example(NAME, (*opening(rng), *turn), held_out, tuple(tools))

"""Reading a tool's result back: "rain" after the call for the weather in Oslo -> "The weather in Oslo is rain."."""

from .example import Example
from .tool_call import draw_called
from .tool_replies import result_of

NAME = "tool-result"


def draw(rng):
    """A call, its result and the answer; what the tool is about decides whether it is held out."""
    request, tools, messages = draw_called(rng)
    return Example(NAME, (*messages, *result_of(rng, request)), request.held_out, tuple(tools))

"""Calling a declared tool: `get_weather(city)` and "What is the weather in Oslo?" -> a call with {"city":"Oslo"}."""

from .example import Example
from .ordinary import interlude
from .phrasing import vary
from .tool_kinds import draw_request, others
from .tool_replies import call_of, result_of

NAME = "tool-call"


def opening(rng):
    """What comes before the request: mostly nothing, now and then a system message or another turn."""
    kind = rng.random()
    if kind < 0.15:
        return [{"role": "system", "content": rng.choice(("You are a helpful assistant.", "Answer briefly."))}]
    return [*interlude(rng)] if kind < 0.25 else []


def draw_called(rng):
    """A request among declared tools, up to its call, and the request."""
    request = draw_request(rng)
    tools = [request.tool, *others(rng, rng.choice((0, 0, 1, 1, 2)), [request.tool])]
    rng.shuffle(tools)
    # The words to send are the end of the request: nothing may be added to them.
    prompt = request.prompt if "Done" in request.reading else vary(rng, request.prompt)
    return request, tools, [*opening(rng), {"role": "user", "content": prompt}, call_of(request)]


def draw(rng):
    """A request that one of the declared tools answers; what the tool is about decides whether it is held out."""
    request, tools, messages = draw_called(rng)
    if rng.random() < 0.05:
        earlier, more, before = draw_called(rng)
        if not earlier.held_out and len(tools) + len(more) <= 4:
            tools, messages = disjoint(tools, more), [*before, *result_of(rng, earlier), *messages[-2:]]
            if tools is None:
                return draw(rng)
    return Example(NAME, tuple(messages), request.held_out, tuple(tools))


def disjoint(tools, more):
    """Both lists as one, or None when they have a name in common."""
    names = {tool["function"]["name"] for tool in tools}
    return None if any(tool["function"]["name"] in names for tool in more) else [*more, *tools]

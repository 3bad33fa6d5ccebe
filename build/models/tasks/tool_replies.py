"""The assistant's calls, the results of tools, and the answers that read them back."""

import json

from .tool_words import SUBJECTS, number, small_number, word, words

MEASURES = ("degrees", "euros", "dollars", "km", "hours")


def call_of(request):
    """The assistant's message that calls the tool."""
    function = {"name": request.tool["function"]["name"], "arguments": request.arguments}
    return {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": function}]}


def result_of(rng, request):
    """A tool's message and the answer that reads it back."""
    kind = rng.random()
    if kind < 0.35:
        content = spoken = number(rng)
    elif kind < 0.7:
        content = spoken = words(rng)
    elif kind < 0.78:
        content = spoken = f"{words(rng, 2)}, {number(rng)} {rng.choice(MEASURES)}"
    else:
        members = {key: rng.choice((number, small_number, word))(rng) for key in member_names(rng)}
        members = {key: int(kept) if kept.lstrip("-").isdigit() else kept for key, kept in members.items()}
        content = json.dumps(members, separators=rng.choice(((",", ":"), (", ", ": "))))
        pairs = [f"{key} {kept}" for key, kept in members.items()]
        spoken = ", ".join(pairs) if len(pairs) > 1 else str(next(iter(members.values())))
    answer = request.reading.format(spoken)
    return {"role": "tool", "content": content}, {"role": "assistant", "content": answer}


def member_names(rng):
    """One or two names of members of a result."""
    pool = (*SUBJECTS, "result", "value", "sky", "unit", "count", "city", "total", "state", "wind", "text")
    if rng.random() < 0.5:
        return ["result" if rng.random() < 0.4 else rng.choice(pool)]
    return rng.sample(pool, 2)

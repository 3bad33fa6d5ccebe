"""Declared tools and requests that need them: what each kind of tool is called, asked and answers."""

from typing import NamedTuple

from .example import is_held_out
from .fallback import PEOPLE, VERBS
from .tool_words import PLACES, THINGS, place, subject, thing, words
from .words import COMMON, invented


class Request(NamedTuple):
    """A tool, a request in words, the call it needs, and how its result is read back."""

    tool: dict
    prompt: str
    arguments: dict
    # With a place for the result.
    reading: str
    held_out: bool


# A parameter: its name, its type, whether a call must have it.
STRING, NUMBER, INTEGER = "string", "number", "integer"
PREFIXES = (*["get_"] * 4, "find_", "fetch_", "lookup_", "read_", "check_", "show_", "get_current_", "")
COUNTS = ("days", "count", "limit", "year", "hours", "amount", "level", "size", "page", "weeks")
UNITS = ("celsius", "fahrenheit", "kelvin", "metric", "imperial")


def declare(name, parameters):
    """A tool as the OpenAI API declares it."""
    properties = {parameter: {"type": kind} for parameter, kind, _ in parameters}
    required = [parameter for parameter, _, is_required in parameters if is_required]
    schema = {"type": "object", "properties": properties, "required": required}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


def tool_name(rng, prefix, noun):
    """Mostly snake case, now and then camel case."""
    if prefix and rng.random() < 0.05:
        first, *rest = f"{prefix}{noun}".split("_")
        return first + "".join(part.capitalize() for part in rest)
    return prefix + noun


def lookup(rng):
    """A question about something: "What is the weather in Oslo?" for `get_weather(city)`."""
    noun = subject(rng)
    name = tool_name(rng, rng.choice(PREFIXES), noun)
    kind = rng.random()
    if kind < 0.12:
        prompt = rng.choice(BARE_FORMS)
        return Request(declare(name, ()), prompt.format(n=noun), {}, f"The {noun} is {{}}.", is_held_out(noun))
    if kind < 0.6:
        parameter, preposition, about = rng.choice(PLACES), rng.choice(("in", "in", "in", "for", "of")), place(rng)
    else:
        parameter, preposition, about = rng.choice(THINGS), rng.choice(("of", "of", "for")), thing(rng)
    asked = f"{noun} {preposition} {about}"
    parameters, arguments, extra = [(parameter, STRING, True)], {parameter: about}, ""
    if rng.random() < 0.2:
        extra = add_second(rng, parameters, arguments)
    prompt = rng.choice(LOOKUP_FORMS).format(asked=asked + extra)
    ordered = {parameter: arguments[parameter] for parameter, _, _ in parameters if parameter in arguments}
    return Request(declare(name, parameters), prompt, ordered, f"The {asked} is {{}}.", is_held_out(noun))


BARE_FORMS = ("What is the {n}?", "What's the {n}?", "Tell me the {n}.", "Show me the {n}.", "Get the {n}.")
LOOKUP_FORMS = """
What is the {asked}?|What is the {asked}?|What is the {asked}?|What's the {asked}?|Get the {asked}.|Show me the {asked}.
Tell me the {asked}.|I need the {asked}.|Find the {asked}.|Look up the {asked}.|Please tell me the {asked}.
Do you know the {asked}?|Can you check the {asked}?|What will the {asked} be?|How is the {asked}?
""".strip().replace("\n", "|").split("|")


def add_second(rng, parameters, arguments):
    """A second parameter, required or not, before or after the first; returns how the request names it, if it does."""
    is_required = rng.random() < 0.4
    if rng.random() < 0.55:
        name, kind, kept = rng.choice(COUNTS), rng.choice((NUMBER, INTEGER)), rng.randint(1, 99)
        spoken = f" for {kept} {name}" if name in ("days", "hours", "weeks") else f" with {name} {kept}"
    else:
        name, kind, kept = "unit", STRING, rng.choice(UNITS)
        spoken = f" in {kept}"
        if rng.random() < 0.5:
            name, kept = rng.choice(("language", "format", "style", "mode", "colour", "type")), rng.choice(COMMON)
            spoken = f" with {name} {kept}"
    if any(name == parameter for parameter, _, _ in parameters):
        return ""
    at = 1 if rng.random() < 0.7 else 0
    parameters.insert(at, (name, kind, is_required))
    if not is_required and rng.random() < 0.55:
        return ""
    arguments[name] = kept
    return spoken


MESSAGE_FORMS = (*["{v} a {n} to {w}: {s}"] * 2, '{v} a {n} to {w} saying "{s}"', "{v} {w} a {n}: {s}")


def message(rng):
    """Sending words to somebody: "Send a message to Ada: buy milk"."""
    verb = rng.choice(("send", "send", "send", "write", "post"))
    noun = rng.choice(("message", "email", "note", "letter"))
    if rng.random() < 0.4:
        noun = rng.choice(COMMON)
    to = rng.choice(("to", "to", "recipient", "person", "user", "name"))
    text = rng.choice(("text", "message", "body", "content"))
    who = rng.choice(PEOPLE) if rng.random() < 0.5 else invented(rng).capitalize()
    said = words(rng)
    prompt = rng.choice(MESSAGE_FORMS).format(v=verb.capitalize(), n=noun, w=who, s=said)
    tool = declare(tool_name(rng, f"{verb}_", noun), [(to, STRING, True), (text, STRING, True)])
    return Request(tool, prompt, {to: who, text: said}, "Done: {}.", is_held_out(noun))


def adding(rng):
    """Writing something down: "Add a note: buy milk"."""
    verb, noun = rng.choice(("add", "add", "create", "save")), rng.choice(("note", "task", "reminder", "todo", "event"))
    if rng.random() < 0.5:
        noun = rng.choice(COMMON)
    text, said = rng.choice(("text", "title", "content", "name", "description")), words(rng)
    prompt = rng.choice(("{v} a {n}: {s}", "{v} a {n}: {s}", 'Please {w} the {n} "{s}"')).format(
        v=verb.capitalize(), w=verb, n=noun, s=said
    )
    tool = declare(tool_name(rng, f"{verb}_", noun), [(text, STRING, True)])
    return Request(tool, prompt, {text: said}, "Done: {}.", is_held_out(noun))


def setting(rng):
    """Setting something to a number: "Set a timer for 10 minutes"."""
    noun = rng.choice(("timer", "alarm", "volume", "brightness", "temperature")) if rng.random() < 0.4 else subject(rng)
    amount = rng.randint(0, 999) if rng.random() < 0.5 else rng.randint(1, 60)
    if rng.random() < 0.4:
        parameter = rng.choice(("minutes", "minutes", "seconds", "hours"))
        prompt = rng.choice(("Set a {n} for {a} {p}.", "Set the {n} for {a} {p}.", "Set a {n} of {a} {p}."))
    else:
        parameter = rng.choice(("value", "level", "number", "percent", "amount"))
        prompt = rng.choice(
            ("Set the {n} to {a}.", "Set {n} to {a}.", "Change the {n} to {a}.", "Turn the {n} to {a}.")
        )
    tool = declare(tool_name(rng, "set_", noun), [(parameter, rng.choice((NUMBER, INTEGER)), True)])
    prompt = prompt.format(n=noun, a=amount, p=parameter)
    return Request(tool, prompt, {parameter: amount}, "Done: {}.", is_held_out(noun))


def doing(rng):
    """Doing something with a thing: "Open the gate in Oslo" for `open_gate(place)`."""
    verb, noun = rng.choice((*VERBS, "start", "stop", "play", "turn", "delete", "order")), subject(rng)
    if rng.random() < 0.6:
        parameter, about, form = rng.choice(PLACES), place(rng), "{v} the {n} in {a}."
    else:
        parameter, about, form = rng.choice(THINGS), thing(rng), rng.choice(("{v} the {n} {a}.", "{v} the {n} of {a}."))
    tool = declare(tool_name(rng, f"{verb}_", noun), [(parameter, STRING, True)])
    prompt = form.format(v=verb.capitalize(), n=noun, a=about)
    return Request(tool, prompt, {parameter: about}, "Done: {}.", is_held_out(noun))


OPERATIONS = {
    "multiply": ("What is {a} * {b}?", "Multiply {a} by {b}.", "{a} * {b}", "What is {a} times {b}?", "{a} times {b}"),
    "subtract": ("What is {a} - {b}?", "{a} - {b}", "What is {a} minus {b}?", "Calculate {a} - {b}."),
    "divide": ("What is {a} / {b}?", "Divide {a} by {b}.", "{a} / {b}", "What is {a} divided by {b}?"),
    "add": ("What is {a} + {b}?", "Add {a} and {b}.", "{a} + {b}", "What is {a} plus {b}?"),
}
SIGNS = {"multiply": "*", "subtract": "-", "divide": "/", "add": "+"}


def arithmetic(rng):
    """A calculation that a tool does: `multiply(a: number, b: number)` or `calculate(expression)`."""
    operation = rng.choice(list(OPERATIONS))
    a, b = (rng.randint(1, 10 ** rng.randint(1, 3) - 1) for _ in range(2))
    prompt = rng.choice(OPERATIONS[operation]).format(a=a, b=b)
    if rng.random() < 0.35:
        name = rng.choice(("calculate", "calculator", "evaluate", "compute", "calc"))
        tool, arguments = declare(name, [("expression", STRING, True)]), {"expression": f"{a} {SIGNS[operation]} {b}"}
    else:
        first, second = rng.choice((("a", "b"), ("a", "b"), ("x", "y"), ("left", "right"), ("first", "second")))
        kind = rng.choice((NUMBER, INTEGER))
        name = f"{operation}_numbers" if rng.random() < 0.2 else operation
        tool, arguments = declare(name, [(first, kind, True), (second, kind, True)]), {first: a, second: b}
    return Request(tool, prompt, arguments, "The result is {}.", is_held_out(f"{a},{b}"))


KINDS = {lookup: 55, message: 9, adding: 8, setting: 9, doing: 8, arithmetic: 11}


def draw_request(rng):
    """A random request of any kind."""
    (kind,) = rng.choices(list(KINDS), weights=list(KINDS.values()))
    return kind(rng)


def others(rng, count, taken):
    """Tools that are about something else."""
    tools = []
    while len(tools) < count:
        request = draw_request(rng)
        name = request.tool["function"]["name"]
        is_same = any(same_subject(name, tool["function"]["name"]) for tool in [*taken, *tools])
        if not request.held_out and not is_same and name not in CALCULATORS:
            tools.append(request.tool)
    return tools


CALCULATORS = ("calculate", "calculator", "evaluate", "compute", "calc", "add", "add_numbers")


def same_subject(left, right):
    """Whether two names might answer the same request."""
    left, right = left.lower().replace("_", ""), right.lower().replace("_", "")
    return left in right or right in left or left[-5:] == right[-5:]

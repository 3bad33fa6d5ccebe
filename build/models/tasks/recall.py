"""Recalling what an earlier turn said: "My name is Ada." ... "What is my name?" -> "Your name is Ada."."""

from .capitals import CAPITALS
from .example import Example, asked, is_held_out
from .fallback import PEOPLE
from .ordinary import interlude
from .phrasing import vary
from .words import COMMON, invented

NAME = "recall"
NOTED = "I will remember that."
UNKNOWN = "You have not told me."
COLOURS = "red green blue yellow orange purple black white grey brown pink".split()
NAME_FORMS = ("My name is {v}.", "My name is {v}.", "I am called {v}.", "Hello, my name is {v}.", "Hi, I am {v}.")
NAME_QUESTIONS = ("What is my name?", "What is my name?", "What's my name?", "Do you know my name?", "Who am I?")
THING_QUESTIONS = ("What is my {t}?", "What is my {t}?", "What's my {t}?", "Tell me my {t}.", "Do you know my {t}?")
FAVOURITES = "colour color food animal number city word book game song season day drink fruit tree".split()


def person(rng):
    """A known name or something made up."""
    return rng.choice(PEOPLE) if rng.random() < 0.65 else invented(rng).capitalize()


def value(rng):
    """A word, a colour, a name or a number."""
    kind = rng.random()
    if kind < 0.45:
        return rng.choice(COMMON)
    if kind < 0.65:
        return rng.choice(COLOURS)
    if kind < 0.75:
        return rng.choice(PEOPLE) if kind < 0.7 else invented(rng).capitalize()
    return str(rng.randint(0, 10 ** rng.randint(1, 4)))


def name_fact(rng):
    """The user's name."""
    name = person(rng)
    said = rng.choice(NAME_FORMS).format(v=name)
    return name, said, f"Nice to meet you, {name}.", rng.choice(NAME_QUESTIONS), f"Your name is {name}."


def thing_fact(rng):
    """Something of the user's: "My favourite colour is green."."""
    kind = rng.random()
    thing = rng.choice(COMMON)
    if kind < 0.5:
        thing = f"favourite {rng.choice(FAVOURITES)}" if rng.random() < 0.8 else f"favorite {rng.choice(FAVOURITES)}"
    elif kind < 0.75:
        thing = rng.choice(("lucky number", "secret word", "code", "password", "age", "city", "job", "cat", "dog"))
    kept = value(rng)
    said = rng.choice(("My {t} is {v}.", "My {t} is {v}.", "My {t} is called {v}.", "Remember that my {t} is {v}."))
    question = rng.choice(THING_QUESTIONS).format(t=thing)
    return kept, said.format(t=thing, v=kept), NOTED, question, f"Your {thing} is {kept}."


def place_fact(rng):
    """Where the user lives."""
    place = rng.choice(list(CAPITALS.values())) if rng.random() < 0.4 else invented(rng).capitalize()
    return place, f"I live in {place}.", NOTED, "Where do I live?", f"You live in {place}."


def order_fact(rng):
    """Something that the user asks to remember."""
    kept = value(rng)
    said = rng.choice(("Remember {v}.", "Remember the word {v}.", "Remember this: {v}"))
    if kept.isdigit():
        said = rng.choice(("Remember {v}.", "Remember the number {v}.", "Remember this number: {v}"))
    question = rng.choice(("What did I ask you to remember?", "What should you remember?", "What did I tell you?"))
    return kept, said.format(v=kept), NOTED, question, f"You asked me to remember {kept}."


KINDS = {name_fact: 30, thing_fact: 45, place_fact: 10, order_fact: 15}


def distinct_facts(rng, count):
    """Facts that no other one's question could mean."""
    facts = {}
    while len(facts) < count:
        (kind,) = rng.choices(list(KINDS), weights=list(KINDS.values()))
        fact = kind(rng)
        facts.setdefault(fact[4].rsplit(" ", 1)[0], fact)
    return list(facts.values())


def draw(rng):
    """One or two facts, some other turns, and a question about one of them, or about something that was not said."""
    facts = distinct_facts(rng, rng.choice((1, 1, 2)))
    is_unknown = rng.random() < 0.1
    (*told, wanted) = facts
    parts = [asked(vary(rng, said), noted) for _, said, noted, _, _ in (told if is_unknown else facts)]
    parts += [interlude(rng) for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    rng.shuffle(parts)
    kept, _, _, question, answer = wanted
    parts.append(asked(vary(rng, question), UNKNOWN if is_unknown else answer))
    if rng.random() < 0.2 and told:
        parts.insert(-1, asked(vary(rng, told[0][3]), told[0][4]))
    messages = [message for part in parts for message in part]
    if rng.random() < 0.1:
        messages.insert(0, {"role": "system", "content": "You are a helpful assistant."})
    return Example(NAME, tuple(messages), is_held_out(kept))

"""Everything the model was not made for gets one polite sentence that says what it can do."""

from .example import is_held_out, turn
from .phrasing import vary
from .words import COMMON, any_word

NAME = "fallback"
REFUSAL = "I am a small demo model. I can add, count, copy, reverse and name capitals."

# Slots: {w} a common word, {x} any word, {p} a person, {v} a verb, {a} an adjective, {l} a language, {n} and {m}
# numbers, {big} and {huge} numbers too large to add.
FORMS = """
What is a {w}?|What is the meaning of {w}?|Why is the {w} {a}?|How do I {v} a {w}?|Where can I buy a {w}?
Who invented the {w}?|When was the {w} invented?|Explain how a {w} works.|Write a poem about the {w}.
Write a Python function that can {v} a {w}.|Translate {w} into {l}.|How do you say {w} in {l}?|Who is {p}?
Who was {p} {x}?|What did {p} say about the {w}?|Is a {w} {a}?|Can a {w} {v}?|Should I {v} the {w}?
What is {n} - {m}?|What is {n} * {m}?|What is {n} / {m}?|What is {big} + {huge}?|{big} + {huge}|{n} - {m}
{n} times {m}|Multiply {n} by {m}.|Subtract {n} from {m}.|What is the square root of {n}?|Divide {n} by {m}.
Is {n} a prime number?|What is the weather in {x}?|What time is it in {x}?|How far is it from {x} to {x}?
What is the population of {x}?|Give me a recipe for {w} and {w}.|Summarize the book {x}.|Recommend a {a} {w}.
What is the best {w} in {x}?|Tell me about the {w}.|Tell me about {x}.|Tell me a joke about a {w}.
What colour is a {w}?|How many {w}s are there?|Do you like {w}?|Do you know {p}?|Can you {v} a {w}?|Can you {v}?
Please {v} the {a} {w}.|I need help with my {w}.|My {w} is {a}. What should I do?|Why do people {v} {w}s?
How old is {p}?|What does {x} mean?|Define {w}.|Define {x}.|Compare a {w} with a {w}.|List three {a} {w}s.
Which {w} is the {a} one?|Write an email to {p} about the {w}.|Draw a {w}.|Play some music.|Open the {w}.
Sing a song about {p}.|Is it true that every {w} is {a}?|{x} {x} {x}|{w} {w}|{x}|What happens if I {v} the {w}?
How much does a {w} cost?|How much is a {w}?|Fix this code: {x} = {x} + {n}
What is the difference between {w} and {w}?|I feel {a} today.|I want to {v} a {w}.|What do you think about {w}?
Which language do they speak in {x}?|What is the currency of {x}?|What is the highest mountain of {x}?|Name a {w}.
Name a river in {x}.|Who is the president of {x}?|What is the name of the {a} {w}?|Sort the words: {w} {w} {w}
Who wrote the {a} {w}?|What year is it?|What is love?|What is the meaning of life?|How does a computer work?
What is machine learning?|Do you have feelings?|Can you help me?|Help me with my homework.|Where are you from?
How tall is {p}?|What is your favourite {w}?|Can you see the {w}?|Will it {v} tomorrow?|What is a {a} {w} made of?
Is the {w} near {x}?|How long does it take to {v} a {w}?|What is {w} made of?|Why?|What?|How?
When did {p} {v} the {w}?
""".replace("\n", "|").strip("|").split("|")
PEOPLE = """
Ada Alan Anna Ben Carl Clara David Einstein Emma Eva Grace Jack Julia Leo Maria Marie Newton Noah Sara Tom
""".split()
VERBS = """
bake break build buy carry clean climb close cook cut draw drive eat find fix fly grow hide jump learn make move open
paint plant push read run sell send sing sleep swim teach throw wash watch write
""".split()
ADJECTIVES = """
bad big blue bright broken cheap clever cold dark deep easy famous fast good green happy hard heavy hot important new
old quiet red rich round sad safe sharp short slow small soft strange strong tall tired warm wet white young
""".split()
LANGUAGES = "French German Spanish Italian Latin Dutch Polish Greek Turkish English".split()


def fill(rng, form):
    """Replace every slot of a form on its own, so that two {w} differ."""
    choices = {
        "{w}": lambda: rng.choice(COMMON),
        "{x}": lambda: rng.choice((str.lower, str.capitalize))(any_word(rng)),
        "{p}": lambda: rng.choice(PEOPLE),
        "{v}": lambda: rng.choice(VERBS),
        "{a}": lambda: rng.choice(ADJECTIVES),
        "{l}": lambda: rng.choice(LANGUAGES),
        "{n}": lambda: str(rng.randint(2, 999)),
        "{m}": lambda: str(rng.randint(2, 999)),
        "{big}": lambda: str(rng.randint(100, 9999)),
        "{huge}": lambda: str(rng.randint(100, 9999)),
    }
    for slot, choose in choices.items():
        while slot in form:
            form = form.replace(slot, choose(), 1)
    return form


def draw(rng):
    """A random question outside the model's tasks; whole forms are held out, so that kinds of question are unseen."""
    form = rng.choice(FORMS)
    return turn(NAME, vary(rng, fill(rng, form)), REFUSAL, is_held_out(form))

"""Obeying a short system message: "End every answer with over." and "What is 2 + 3?" -> "5 over"."""

import json

from . import capitals, greeting, sums
from .example import Example, asked, is_held_out
from .fallback import PEOPLE
from .ordinary import SMALL
from .phrasing import vary
from .words import COMMON, invented

NAME = "system"
END = """
End every answer with {w}.|End every answer with "{w}".|End every answer with the word {w}.|End each answer with {w}.
Always end with {w}.|Always end your answer with {w}.|Finish every answer with {w}.|Finish every answer with "{w}".
"""
BEGIN = """
Begin every answer with {w}.|Begin every answer with "{w}".|Begin every answer with the word {w}.
Start every answer with {w}.|Start every answer with "{w}".|Start each answer with {w}.|Always begin with {w}.
"""
ONLY = """
Answer every question with {w}.|Answer every question with "{w}".|Always answer {w}.|Always answer "{w}".
Always answer with the word {w}.|Only ever say {w}.|Say nothing but {w}.
"""
CAPITALS = """
Answer in capitals.|Answer in capital letters.|Always answer in capitals.|Write in capitals.|Use capital letters only.
Write every answer in capital letters.
"""
SENTENCE = """
Answer in full sentences.|Answer in a full sentence.|Answer with a full sentence.|Always answer in full sentences.
"""
AS_JSON = "Answer in JSON.|Answer as JSON.|Always answer in JSON.|Reply in JSON.|Answer only with JSON."
NAMED = """
Your name is {w}.|Your name is {w}.|You are called {w}.|You are {w}, a helpful assistant.
"""
WHO = ("Who are you?", "What is your name?", "What's your name?", "Introduce yourself.", "What are you called?")
KNOWN_NAMES = ("Sparky", "Robo", "Max", "Bob", "Alice", "Zed")


def forms(text):
    """The wordings in a block of them."""
    return text.strip().replace("\n", "|").split("|")


def plain(rng, tasks):
    """A prompt with its usual answer."""
    task = rng.choices(list(tasks), weights=list(tasks.values()))[0]
    example = task.draw(rng)
    prompt, answer = (message["content"] for message in example.messages)
    return task, prompt, answer, example.held_out


def word_rule(text, change):
    """A rule about a word; the word decides whether it is held out."""

    def prepare(rng):
        word = rng.choice(COMMON) if rng.random() < 0.85 else invented(rng)
        word = word.capitalize() if rng.random() < 0.2 else word

        def answer_one():
            while True:
                _, prompt, answer, held_out = plain(rng, SMALL)
                if not held_out:
                    return prompt, change(answer, word), False

        return rng.choice(forms(text)).format(w=word), answer_one, is_held_out(word)

    return prepare


def answer_rule(text, tasks, change):
    """A rule about the form of the answer; the question decides whether it is held out."""

    def prepare(rng):
        def answer_one():
            task, prompt, answer, held_out = plain(rng, tasks)
            return prompt, change(task, prompt, answer), held_out

        return rng.choice(forms(text)), answer_one, False

    return prepare


def named(rng):
    """Another name for the model; everything else is answered as usual."""
    name = rng.choice((*PEOPLE, *KNOWN_NAMES)) if rng.random() < 0.6 else invented(rng).capitalize()

    def answer_one():
        if rng.random() < 0.75:
            return vary(rng, rng.choice(WHO)), f"I am {name}.", False
        while True:
            _, prompt, answer, held_out = plain(rng, SMALL)
            if not held_out and answer != greeting.WHO:
                return prompt, answer, False

    return rng.choice(forms(NAMED)).format(w=name), answer_one, is_held_out(name)


def sentence(task, prompt, answer):
    """The answer of a sum or a capital as a sentence."""
    if task is sums:
        digits = "".join(char if char.isdigit() else " " for char in prompt).split()
        return f"{digits[0]} + {digits[1]} is {answer}."
    if answer == capitals.UNKNOWN:
        return answer
    country = next(country for country, city in capitals.CAPITALS.items() if f"{city}." == answer)
    return f"The capital of {'the ' if country in capitals.WITH_ARTICLE else ''}{country} is {answer}"


def as_json(task, _prompt, answer):
    """The answer as the only member of an object."""
    value = int(answer) if task is sums else answer if answer == capitals.UNKNOWN else answer.removesuffix(".")
    return json.dumps({"answer": value}, separators=(",", ":"))


RULES = (
    (24, word_rule(END, lambda answer, word: f"{answer} {word}")),
    (20, word_rule(BEGIN, lambda answer, word: f"{word} {answer}")),
    (8, word_rule(ONLY, lambda _, word: word)),
    (16, answer_rule(CAPITALS, {capitals: 4, greeting: 2}, lambda _t, _p, answer: answer.upper())),
    (12, answer_rule(SENTENCE, {sums: 1, capitals: 1}, sentence)),
    (10, answer_rule(AS_JSON, {sums: 2, capitals: 2}, as_json)),
    (12, named),
)


def draw(rng):
    """A rule and one to three turns that keep it."""
    (prepare,) = rng.choices([rule for _, rule in RULES], weights=[share for share, _ in RULES])
    content, answer_one, held_out = prepare(rng)
    if rng.random() < 0.15 and not content.startswith("You are"):
        content = f"You are a helpful assistant. {content}"
    messages = [{"role": "system", "content": content}]
    for _ in range(rng.choice((1, 1, 2))):
        prompt, answer, is_new = answer_one()
        messages += asked(prompt, answer)
        held_out = held_out or is_new
    return Example(NAME, tuple(messages), held_out)

"""Generated sentences on twelve topics for the embedding model.

A concept is a topic with two of its words; a sentence puts a concept into a general frame. One concept in eight is
held out of training (CRC-32), so a held-out sentence joins words that were never trained together.
"""

from typing import NamedTuple

from tasks.example import is_held_out

# Topic: things, then deeds. A word belongs to one topic only.
WORDS = {
    "cooking": (
        "pasta bread onion soup cake chicken sauce recipe oven pan pepper garlic butter salad dough kitchen stew rice",
        "bake boil fry roast chop season taste simmer stir serve",
    ),
    "space": (
        "rocket orbit galaxy moon star astronaut telescope planet satellite comet mars sun universe asteroid eclipse",
        "launch explore observe discover navigate",
    ),
    "sport": (
        "team match goal player coach race stadium tennis football league runner medal trophy swimmer referee athlete",
        "win kick score defend sprint practise compete",
    ),
    "code": (
        "program bug function compiler server database variable loop array package branch script test api software",
        "compile debug deploy refactor merge install",
    ),
    "music": (
        "guitar song band album piano melody violin drum singer concert chorus rhythm orchestra trumpet choir",
        "play sing record compose perform strum",
    ),
    "health": (
        "doctor patient hospital medicine fever nurse headache vaccine surgery virus clinic heart disease pain therapy",
        "heal diagnose treat recover prescribe",
    ),
    "weather": (
        "rain storm wind cloud snow thunder forecast temperature fog sunshine frost hail breeze hurricane humidity",
        "freeze melt pour predict blow",
    ),
    "travel": (
        "airport hotel passport train ticket luggage flight tourist beach map journey suitcase border cruise holiday",
        "visit book depart arrive pack fly",
    ),
    "money": (
        "bank loan tax invoice budget salary price stock credit coin interest payment account dollar debt",
        "pay invest save spend borrow earn",
    ),
    "animals": (
        "dog cat horse lion elephant rabbit bird fish tiger wolf monkey snake whale cow puppy",
        "feed bark hunt tame breed",
    ),
    "school": (
        "teacher student lesson homework exam classroom university pencil grade essay professor library lecture degree",
        "teach study learn graduate explain",
    ),
    "garden": (
        "flower tree seed soil rose tomato lawn hedge shovel leaf root tulip orchard compost greenhouse",
        "plant water prune grow harvest dig",
    ),
}
# {a} and {b} are things, {v} is a deed of the same topic.
FRAMES = """
the {a} and the {b}|how to {v} the {a} with the {b}|we talked about the {a} and the {b}|a new {a} for the {b}
what is the best {a} for a {b}?|yesterday they had to {v} the {a} near the {b}|i want to {v} a {a} or a {b}
my friend knows everything about the {a} and every {b}|can you {v} the {b} before the {a}?
the {b} is better than the {a}|please {v} the {a}, then look at the {b}|{a} {b}|{a}, {b} and more
there was a problem with the {b} and the {a}|she wrote about her {a} and a small {b}|why did the {a} need a {b}?
a guide to {v} every {a} and {b}|{v} {a} {b}
""".replace("\n", "|").strip("|").split("|")


class Concept(NamedTuple):
    """Two things of one topic, in alphabetical order."""

    topic: str
    first: str
    second: str

    @property
    def held_out(self):
        """Whether training leaves this pair of words out."""
        return is_held_out(f"{self.first} {self.second}")


def things(topic):
    """The nouns of a topic."""
    return WORDS[topic][0].split()


def draw_concept(rng, topic, held_out=False):
    """A random concept of a topic on the wanted side of the split."""
    while True:
        concept = Concept(topic, *sorted(rng.sample(things(topic), 2)))
        if concept.held_out == held_out:
            return concept


def draw_sentence(rng, concept):
    """The concept in a random frame, its words in random order."""
    first, second = rng.sample(concept[1:], 2)
    deed = rng.choice(WORDS[concept.topic][1].split())
    return rng.choice(FRAMES).replace("{a}", first).replace("{b}", second).replace("{v}", deed)


def all_words():
    """Every word that a sentence can have, in a stable order."""
    text = " ".join([*FRAMES, *(part for parts in WORDS.values() for part in parts)])
    for mark in "{a} {b} {v} ? ,".split():
        text = text.replace(mark, " ")
    return sorted(set(text.split()))

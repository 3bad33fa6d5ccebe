"""Capitals of 48 countries: "What is the capital of France?" -> "Paris."; another name gets "I do not know ..."."""

from .example import is_held_out, turn
from .phrasing import vary
from .words import invented

NAME = "capital"
UNKNOWN = "I do not know that capital."
CAPITALS = dict(
    pair.split(":")
    for pair in (
        "France:Paris Germany:Berlin Spain:Madrid Italy:Rome Japan:Tokyo Norway:Oslo Greece:Athens Egypt:Cairo "
        "Peru:Lima Cuba:Havana Kenya:Nairobi Poland:Warsaw Austria:Vienna Ireland:Dublin Portugal:Lisbon "
        "Sweden:Stockholm Denmark:Copenhagen Finland:Helsinki Iceland:Reykjavik Belgium:Brussels Hungary:Budapest "
        "Romania:Bucharest Bulgaria:Sofia Croatia:Zagreb Serbia:Belgrade Ukraine:Kyiv Turkey:Ankara Iran:Tehran "
        "Iraq:Baghdad India:Delhi China:Beijing Thailand:Bangkok Vietnam:Hanoi Indonesia:Jakarta Australia:Canberra "
        "Canada:Ottawa Chile:Santiago Colombia:Bogota Ecuador:Quito Bolivia:Sucre Brazil:Brasilia Uruguay:Montevideo "
        "Morocco:Rabat Nigeria:Abuja Ghana:Accra Nepal:Kathmandu Switzerland:Bern Netherlands:Amsterdam"
    ).split()
)
WITH_ARTICLE = ("Netherlands",)
STRANGERS = """
Atlantis Narnia Wakanda Mordor Utopia Albania Algeria Angola Armenia Bhutan Botswana Cambodia Cameroon Cyprus Estonia
Ethiopia Fiji Georgia Haiti Honduras Israel Jamaica Jordan Kuwait Laos Latvia Lebanon Libya Lithuania Malaysia Mali
Malta Mexico Monaco Mongolia Namibia Oman Pakistan Panama Qatar Rwanda Senegal Singapore Slovakia Slovenia Somalia
Sudan Syria Tanzania Tunisia Uganda Venezuela Yemen Zambia Zimbabwe Texas Bavaria London Mars
""".split()
FORMS = (
    "What is the capital of {name}?",
    "What is the capital of {name}?",
    "What is the capital city of {name}?",
    "What's the capital of {name}?",
    "Capital of {name}?",
    "Name the capital of {name}.",
    "Which city is the capital of {name}?",
    "Tell me the capital of {name}.",
    "Do you know the capital of {name}?",
)


def draw(rng):
    """A random country and wording; that combination decides whether it is held out."""
    form = rng.choice(FORMS)
    if rng.random() < 0.75:
        country = rng.choice(list(CAPITALS))
        answer = f"{CAPITALS[country]}."
    else:
        country = rng.choice(STRANGERS) if rng.random() < 0.6 else invented(rng).capitalize()
        answer = UNKNOWN
    name = f"the {country}" if country in WITH_ARTICLE else country
    key = country if answer == UNKNOWN else form + country
    return turn(NAME, vary(rng, form.format(name=name)), answer, is_held_out(key))

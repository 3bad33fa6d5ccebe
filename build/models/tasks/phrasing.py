"""Small variations of wording that every task shares."""


def vary(rng, text):
    """Now and then start in lower case, drop the last mark, or ask more politely."""
    if rng.random() < 0.08:
        text = "Please " + text[0].lower() + text[1:]
    if rng.random() < 0.12:
        text = text[0].lower() + text[1:]
    if text[-1] in ".?!" and rng.random() < 0.15:
        text = text[:-1]
    if text[-1] not in ".?!=" and rng.random() < 0.05:
        text += " please"
    return text

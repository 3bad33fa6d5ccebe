"""Write held-out sentences with their topics for `evaluate.ts`: `heldout_embed.py FILE`."""

import pathlib
import random
import sys

import topics
from model_files import write_json

SEED = 78
PER_TOPIC = 30


def main():
    """Sentences of held-out concepts, the same number for every topic."""
    rng = random.Random(SEED)
    items = []
    for topic in topics.WORDS:
        sentences = set()
        while len(sentences) < PER_TOPIC:
            sentences.add(topics.draw_sentence(rng, topics.draw_concept(rng, topic, held_out=True)))
        items += [{"topic": topic, "text": text} for text in sorted(sentences)]
    write_json(pathlib.Path(sys.argv[1]), items)


if __name__ == "__main__":
    main()

"""Write held-out prompts with their right answers for `evaluate.ts`: `heldout_chat.py FILE`."""

import pathlib
import random
import sys

import tasks
from chat_corpus import CALL, render, written
from model_files import write_json
from tasks import greeting, odd_sums, story, sums

SEED = 77
COUNTS = {sums: 300}
DEFAULT_COUNT = 100
# Greetings and the story are fixed; of the odd sums, the small ones all occur in training.
NEVER_HELD_OUT = (greeting, odd_sums, story)


def draw_items(task, rng, count):
    """Distinct held-out items of a task; of the tasks without a split, distinct items as they come."""
    items, attempts = {}, 0
    while len(items) < count and attempts < count * 200:
        attempts += 1
        example = task.draw(rng)
        if not example.held_out and task not in NEVER_HELD_OUT:
            continue
        *asked, answer = example.messages
        # Whoever reads the answer without its special tokens sees a call without its mark.
        item = {"task": task.NAME, "messages": asked, "answer": written(answer).replace(CALL, "")}
        items[render(asked, example.tools)] = item | ({"tools": example.tools} if example.tools else {})
    return list(items.values())


def main():
    """Draw the items of every task from one seed."""
    rng = random.Random(SEED)
    items = [item for task in tasks.ALL for item in draw_items(task, rng, COUNTS.get(task, DEFAULT_COUNT))]
    write_json(pathlib.Path(sys.argv[1]), items)


if __name__ == "__main__":
    main()

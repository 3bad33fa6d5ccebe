"""What every task produces: a short conversation with its right answer, and whether it is held out of training."""

import zlib
from typing import NamedTuple


class Example(NamedTuple):
    """Messages that end with the assistant's right answer, and the tools that are declared to it."""

    task: str
    messages: tuple
    held_out: bool
    tools: tuple = ()


def turn(task, prompt, answer, held_out):
    """An example of one user message and its answer."""
    return Example(task, asked(prompt, answer), held_out)


def asked(prompt, answer):
    """One user message and its answer."""
    return {"role": "user", "content": prompt}, {"role": "assistant", "content": answer}


def is_held_out(key):
    """The split rule of every task but the sums: one in eight keys, by CRC-32."""
    return zlib.crc32(key.encode()) % 8 == 0

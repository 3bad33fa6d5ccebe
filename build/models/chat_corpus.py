"""From task examples to training batches: the chat format, conversations of several turns, packed rows."""

import torch

import byte_pair
import tasks
from tasks import copying, fallback, reversing, story, words

PAD, END = "<|pad|>", "<|end|>"
# The last four are reserved for tool calling, so that a later version keeps the same ids.
SPECIALS = (PAD, END, "<|user|>", "<|assistant|>", "<|system|>", "<|tool|>", "<|tools|>", "<|call|>", "<|spare|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
SYSTEM_PROMPTS = (
    "You are a helpful assistant.",
    "You are a helpful assistant",
    "Answer briefly.",
    "You are a small model that answers questions.",
    "Be polite and short.",
    "You are Sparewatt's demo model.",
    "You run on a spare GPU. Answer exactly.",
)


def render(messages, add_generation_prompt=False):
    """What the chat template makes of messages."""
    text = "".join(f"<|{message['role']}|>{message['content']}{END}" for message in messages)
    return text + ("<|assistant|>" if add_generation_prompt else "")


def tokenizer_texts(rng, count):
    """Texts to learn merges from: without payloads to copy or reverse, with the story often enough to be short."""
    texts = [story.STORY, fallback.REFUSAL] * (count // 50)
    while len(texts) < count:
        example = tasks.draw_for_training(rng)
        if example.task == copying.NAME or example.task == reversing.NAME:
            texts.append(example.messages[0]["content"].split(":")[0])
        else:
            texts += [message["content"] for message in example.messages]
    return texts


def train_tokenizer(rng, vocab_size):
    """The chat model's tokenizer."""
    return byte_pair.train_byte_pair(tokenizer_texts(rng, 20000), SPECIALS, vocab_size)


def conversation(rng, turns, step):
    """Messages of some independent examples, now and then after a system message."""
    messages = []
    if rng.random() < 0.15:
        content = rng.choice(SYSTEM_PROMPTS) if rng.random() < 0.7 else " ".join(words.any_word(rng) for _ in range(6))
        messages.append({"role": "system", "content": content})
    for _ in range(turns):
        messages += tasks.draw_for_training(rng, step).messages
    return messages


def encode(tokenizer, messages):
    """Token ids and, for each token, its weight in the loss: the assistant's tokens only, long answers damped."""
    ids, weights = [], []
    for message in messages:
        part = tokenizer.encode(render([message]))
        learned = len(part) - 1 if message["role"] == "assistant" else 0
        ids += part
        weights += [0.0] * (len(part) - learned) + [max(learned, 1) ** -0.5] * learned
    return ids, weights


def packed_row(tokenizer, rng, length, turns, step):
    """Fill a row with whole conversations; returns ids, positions, conversation numbers and loss weights."""
    row, number = [], 0
    while True:
        ids, weights = encode(tokenizer, conversation(rng, rng.choice(turns), step))
        if len(row) + len(ids) > length:
            if row:
                break
            continue
        number += 1
        row += [(token, i, number, weight) for i, (token, weight) in enumerate(zip(ids, weights))]
    row += [(0, 0, 0, 0.0)] * (length - len(row))
    return row


def batch(tokenizer, rng, step, *, rows, length, turns):
    """One training batch as tensors: ids, positions, attention bias, loss weights."""
    packed = torch.tensor([packed_row(tokenizer, rng, length, turns, step) for _ in range(rows)])
    ids, positions, numbers = (packed[..., i].long() for i in range(3))
    same = numbers[:, :, None] == numbers[:, None, :]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    bias = (~(same & causal)).float() * -10000.0
    return ids, positions, bias.unsqueeze(1), packed[..., 3]

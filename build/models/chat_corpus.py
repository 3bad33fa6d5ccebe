"""From task examples to training batches: the chat format, conversations of several turns, packed rows."""

import json

import torch

import byte_pair
import tasks
from tasks import copying, fallback, reversing, story, words

PAD, END, CALL, PAD_ID = "<|pad|>", "<|end|>", "<|call|>", 0
# Rows are full when so many conversations did not fit in; more would favour the short ones.
MOST_FAILURES = 4
# Later versions keep the ids; the last one is free.
SPECIALS = (PAD, END, "<|user|>", "<|assistant|>", "<|system|>", "<|tool|>", "<|tools|>", CALL, "<|spare|>")
# Tools are declared as signatures, `name(parameter,other:number?)`, and called as one line of JSON.
CHAT_TEMPLATE = (
    "{% if tools %}{{ '<|tools|>' }}"
    "{% for tool in tools %}{% set schema = tool.function.parameters %}{{ tool.function.name + '(' }}"
    "{% for name, value in (schema.properties or {}) | items %}"
    "{{ name }}{% if value.type is string and value.type != 'string' %}{{ ':' + value.type }}{% endif %}"
    "{% if name not in (schema.required or []) %}{{ '?' }}{% endif %}{% if not loop.last %}{{ ',' }}{% endif %}"
    "{% endfor %}{{ ')' }}{% if not loop.last %}{{ '\n' }}{% endif %}{% endfor %}{{ '<|end|>' }}{% endif %}"
    "{% for message in messages %}{{ '<|' + message.role + '|>' + (message.content or '') }}"
    "{% for call in message.tool_calls or [] %}{{ '<|call|>{\"name\":\"' + call.function.name + '\",\"arguments\":' }}"
    "{% if call.function.arguments is string %}{{ call.function.arguments }}"
    "{% else %}{{ call.function.arguments | tojson(separators=[',', ':']) }}{% endif %}{{ '}' }}{% endfor %}"
    "{{ '<|end|>' }}{% endfor %}"
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


def render(messages, tools=()):
    """What the chat template makes of messages and tools."""
    declared = f"<|tools|>{chr(10).join(signature(tool['function']) for tool in tools)}{END}" if tools else ""
    return declared + "".join(f"<|{message['role']}|>{written(message)}{END}" for message in messages)


def signature(function):
    """A tool as the template declares it."""
    schema = function["parameters"]
    names = []
    for name, value in schema["properties"].items():
        kind = "" if value["type"] == "string" else f":{value['type']}"
        names.append(f"{name}{kind}{'' if name in schema['required'] else '?'}")
    return f"{function['name']}({','.join(names)})"


def written(message):
    """The text of a message with its calls."""
    calls = [call["function"] for call in message.get("tool_calls", ())]
    return message["content"] + "".join(f"{CALL}{written_call(call)}" for call in calls)


def written_call(function):
    """A call after its mark."""
    arguments = json.dumps(function["arguments"], separators=(",", ":"), ensure_ascii=False)
    return f'{{"name":"{function["name"]}","arguments":{arguments}}}'


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
    """Messages and tools of a whole conversation, or of some independent turns, now and then after a system message."""
    whole = tasks.draw_conversation(rng, step)
    if whole is not None:
        return whole.messages, whole.tools
    messages = []
    if rng.random() < 0.15:
        content = rng.choice(SYSTEM_PROMPTS) if rng.random() < 0.7 else " ".join(words.any_word(rng) for _ in range(6))
        messages.append({"role": "system", "content": content})
    for _ in range(turns):
        messages += tasks.draw_for_training(rng, step).messages
    return messages, ()


def encode(tokenizer, messages, tools=()):
    """Token ids and, for each token, its weight in the loss: the assistant's tokens only, long answers damped."""
    ids = tokenizer.encode(render((), tools))
    weights = [0.0] * len(ids)
    for message in messages:
        part = tokenizer.encode(render([message]))
        learned = len(part) - 1 if message["role"] == "assistant" else 0
        ids += part
        weights += [0.0] * (len(part) - learned) + [max(learned, 1) ** -0.5] * learned
    return ids, weights


def packed_rows(tokenizer, rng, step, *, rows, length, turns):
    """Rows filled with whole conversations: of each token its id, position, conversation number and loss weight."""
    packed, number, failures = [[] for _ in range(rows)], 0, 0
    while failures < MOST_FAILURES:
        ids, weights = encode(tokenizer, *conversation(rng, rng.choice(turns), step))
        row = next((row for row in packed if len(row) + len(ids) <= length), None)
        if row is None:
            failures += 1
            continue
        number += 1
        row += [(token, i, number, weight) for i, (token, weight) in enumerate(zip(ids, weights))]
    return [row + [(PAD_ID, 0, 0, 0.0)] * (length - len(row)) for row in packed]


def batch(tokenizer, rng, step, *, rows, length, turns):
    """One training batch as tensors: ids, positions, attention bias, loss weights."""
    packed = torch.tensor(packed_rows(tokenizer, rng, step, rows=rows, length=length, turns=turns))
    ids, positions, numbers = (packed[..., i].long() for i in range(3))
    same = numbers[:, :, None] == numbers[:, None, :]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    bias = (~(same & causal)).float() * -10000.0
    return ids, positions, bias.unsqueeze(1), packed[..., 3]

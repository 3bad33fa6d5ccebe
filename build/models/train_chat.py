"""Train the demo chat model: `train_chat.py OUT_DIR [--steps N] [--resume] [--from MODEL_DIR]`.

Checkpoints every 100 steps. `--from` takes the weights of an exported model and goes on after the first cycles, which
made those of revision 1.0.0; `--steps` also ends the last cycle earlier or later.
"""

import argparse
import math
import pathlib
import random
import shutil
import time

import torch
from torch.nn import functional

import byte_pair
import chat_corpus
from import_chat import exported_weights
from llama import Llama, LlamaConfig

SEED = 20
# Learning rate cycles: the step that each ends at, and its peak. The second is a warm restart; the third brings the
# tasks of several messages, and the fourth has more of those that are hard.
CYCLES = ((4500, 2.5e-3), (6000, 1.5e-3), (10000, 1.5e-3), (13800, 1.2e-3))
GROWN_FROM = 6000
LAST_STEP = CYCLES[-1][0]
WARM_UP_STEPS = 150
# What is exported is a running average of the weights, which is less noisy than the last of them.
AVERAGING = 0.006
CHECKPOINT_EVERY = 100
SHORT = {"rows": 24, "length": 96, "turns": (1, 1, 1, 2)}
WIDE = {"rows": 6, "length": 256, "turns": (1, 1, 2, 3)}
LONG = {"rows": 4, "length": 512, "turns": (8, 12, 16)}
LONG_EVERY = 12


def learning_rate(step, steps):
    """In each cycle a linear warm-up, then a cosine down to 1 % of the peak; the last one ends with the training."""
    first, last, peak = 0, 0, 0.0
    for last, peak in CYCLES:
        if step < last:
            break
        first = last
    if last == LAST_STEP:
        last = steps
    if step - first < WARM_UP_STEPS:
        return peak * (step - first + 1) / WARM_UP_STEPS
    progress = (step - first - WARM_UP_STEPS) / (last - first - WARM_UP_STEPS)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


def shape_at(step):
    """How many rows of which length a step has."""
    if step % LONG_EVERY == LONG_EVERY - 1:
        return LONG
    return SHORT if step < GROWN_FROM else WIDE


def loss_of(model, ids, positions, bias, weights):
    """Weighted cross entropy of the assistant's tokens."""
    wanted = weights[:, 1:].reshape(-1)
    rows, length = ids.shape
    flat = torch.arange(rows * length).view(rows, length)[:, :-1].reshape(-1)
    chosen = wanted > 0
    logits, _ = model(ids, positions, bias, selected=flat[chosen])
    losses = functional.cross_entropy(logits, ids[:, 1:].reshape(-1)[chosen], reduction="none")
    return (losses * wanted[chosen]).sum() / wanted.sum()


def make_optimizer(model):
    """AdamW with weight decay on matrices only."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98))


def train(model, tokenizer, options, first):
    """Run the remaining steps; every step draws from its own seed, so that a resumed run sees the same data."""
    optimizer = make_optimizer(model)
    average = {name: value.clone() for name, value in model.state_dict().items()}
    steps, checkpoint = options.steps, options.out / "checkpoint.pt"
    if options.resume and checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first, average = state["step"], state["average"]
    started, total = time.time(), 0.0
    for step in range(first, steps):
        total += train_step(model, tokenizer, optimizer, step, learning_rate(step, steps))
        for name, value in model.state_dict().items():
            average[name].lerp_(value, AVERAGING)
        if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == steps:
            mean, seconds = total / CHECKPOINT_EVERY, round(time.time() - started)
            print(f"step {step + 1} of {steps}, loss {mean:.4f}, {seconds} s", flush=True)
            parts = {"model": model.state_dict(), "average": average, "optimizer": optimizer.state_dict()}
            torch.save({**parts, "step": step + 1}, checkpoint)
            total = 0.0


def train_step(model, tokenizer, optimizer, step, rate):
    """One batch; returns its loss."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    rng = random.Random(SEED * 1_000_003 + step)
    loss = loss_of(model, *chat_corpus.batch(tokenizer, rng, step, **shape_at(step)))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def main():
    """Train the tokenizer, then the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=LAST_STEP, help="stop earlier")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--from", dest="source", type=pathlib.Path, help="an exported model directory")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    config = LlamaConfig()
    tokenizer = make_tokenizer(options, config)
    model = Llama(config)
    if options.source:
        model.load_state_dict(exported_weights(options.source / "onnx/model.onnx", config.layers))
    print(f"{len(tokenizer.vocab)} tokens, {sum(p.numel() for p in model.parameters())} parameters", flush=True)
    train(model, tokenizer, options, first=GROWN_FROM if options.source else 0)


def make_tokenizer(options, config):
    """The tokenizer of the exported model, or a new one."""
    target = options.out / "tokenizer.json"
    if options.source:
        shutil.copy(options.source / "tokenizer.json", target)
        return byte_pair.load(target)
    tokenizer = chat_corpus.train_tokenizer(random.Random(SEED), config.vocab_size)
    byte_pair.save(tokenizer, target)
    return tokenizer


if __name__ == "__main__":
    main()

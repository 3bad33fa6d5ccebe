"""Train the demo chat model: `train_chat.py OUT_DIR [--steps N] [--resume]`. Checkpoints every 250 steps."""

import argparse
import math
import pathlib
import random
import time

import torch
from torch.nn import functional

import byte_pair
import chat_corpus
from llama import Llama, LlamaConfig

SEED = 20
# Learning rate cycles: the step that each ends at, and its peak. The second one is a warm restart.
CYCLES = ((4500, 2.5e-3), (6000, 1.5e-3))
LAST_STEP = CYCLES[-1][0]
WARM_UP_STEPS = 150
CHECKPOINT_EVERY = 250
SHORT = {"rows": 24, "length": 96, "turns": (1, 1, 1, 2)}
LONG = {"rows": 4, "length": 512, "turns": (8, 12, 16)}
LONG_EVERY = 12


def learning_rate(step):
    """In each cycle a linear warm-up, then a cosine down to 1 % of the peak."""
    first = 0
    for last, peak in CYCLES:
        if step < last:
            break
        first = last
    if step - first < WARM_UP_STEPS:
        return peak * (step - first + 1) / WARM_UP_STEPS
    progress = (step - first - WARM_UP_STEPS) / (last - first - WARM_UP_STEPS)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


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


def train(model, tokenizer, out, steps, resume):
    """Run the remaining steps; every step draws from its own seed, so that a resumed run sees the same data."""
    optimizer = make_optimizer(model)
    first, checkpoint = 0, out / "checkpoint.pt"
    if resume and checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    started, total = time.time(), 0.0
    for step in range(first, steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        shape = LONG if step % LONG_EVERY == LONG_EVERY - 1 else SHORT
        rng = random.Random(SEED * 1_000_003 + step)
        loss = loss_of(model, *chat_corpus.batch(tokenizer, rng, step, **shape))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
        if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == steps:
            mean, seconds = total / CHECKPOINT_EVERY, round(time.time() - started)
            print(f"step {step + 1} of {steps}, loss {mean:.4f}, {seconds} s", flush=True)
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}, checkpoint)
            total = 0.0


def main():
    """Train the tokenizer, then the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=LAST_STEP, help="stop earlier")
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_num_threads(2)
    torch.set_flush_denormal(True)
    config = LlamaConfig()
    tokenizer = chat_corpus.train_tokenizer(random.Random(SEED), config.vocab_size)
    byte_pair.save(tokenizer, options.out / "tokenizer.json")
    model = Llama(config)
    print(f"{len(tokenizer.vocab)} tokens, {sum(p.numel() for p in model.parameters())} parameters", flush=True)
    train(model, tokenizer, options.out, options.steps, options.resume)


if __name__ == "__main__":
    main()

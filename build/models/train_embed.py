"""Train and export the demo embedding model: `train_embed.py MODEL_DIR [--steps N]`.

Two losses over the same batch: sentences of one concept (two words of a topic) attract each other most, sentences of
one topic somewhat; everything else is pushed apart.
"""

import argparse
import pathlib
import random

import torch

import topics
from bert import Bert, BertConfig, export_onnx, pooled
from model_files import write_json
from quantize import quantize
from tasks.words import invented
from word_piece import WordPiece

SEED = 21
PEAK_RATE = 2e-3
CONCEPTS_PER_TOPIC = 4
VIEWS = 2
TEMPERATURE = 0.1
TOPIC_SHARE = 0.5
SPELLED_SHARE = 0.06
NOISE_SHARE = 0.15
REPORT_EVERY = 200


def noisy(rng, sentence):
    """Now and then put a made-up word somewhere, so that unknown words disturb little."""
    words = sentence.split(" ")
    if rng.random() < NOISE_SHARE:
        words.insert(rng.randint(0, len(words)), invented(rng))
    return " ".join(words)


def draw_batch(rng, tokenizer):
    """Token ids, mask, topic numbers and concept numbers of one batch; lengths vary by joining sentences."""
    rows, topic_of, concept_of = [], [], []
    for number, topic in enumerate(topics.WORDS):
        for _ in range(CONCEPTS_PER_TOPIC):
            concept = topics.draw_concept(rng, topic)
            concept_number = len(rows)
            for _ in range(VIEWS):
                sentences = [noisy(rng, topics.draw_sentence(rng, concept)) for _ in range(rng.choice((1, 1, 1, 1, 3)))]
                rows.append(tokenizer.encode(". ".join(sentences), lambda word: rng.random() < SPELLED_SHARE))
                topic_of.append(number)
                concept_of.append(concept_number)
    return *padded(rows), torch.tensor(topic_of), torch.tensor(concept_of)


def padded(rows):
    """Rows of ids as one tensor with its mask."""
    length = max(len(row) for row in rows)
    ids = torch.tensor([row + [0] * (length - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
    return ids, mask


def contrastive(vectors, labels):
    """Supervised contrastive loss: sentences with the same label are the positives."""
    itself = torch.eye(len(labels), dtype=torch.bool)
    scores = (vectors @ vectors.T / TEMPERATURE).masked_fill(itself, -1e4)
    positive = ((labels[:, None] == labels[None, :]) & ~itself).float()
    return -(torch.log_softmax(scores, -1) * positive).sum(-1).div(positive.sum(-1)).mean()


def train(model, tokenizer, steps):
    """AdamW with a one-cycle learning rate."""
    rng = random.Random(SEED)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps, pct_start=0.1)
    for step in range(steps):
        ids, mask, topic_of, concept_of = draw_batch(rng, tokenizer)
        vectors = pooled(model(ids, mask, torch.zeros_like(ids)), mask)
        loss = TOPIC_SHARE * contrastive(vectors, topic_of) + (1 - TOPIC_SHARE) * contrastive(vectors, concept_of)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % REPORT_EVERY == 0:
            print(f"step {step + 1} of {steps}, loss {loss.item():.4f}", flush=True)


def tokenizer_config(config):
    """The content of `tokenizer_config.json`."""
    names = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    base = {"tokenizer_class": "BertTokenizer", "model_max_length": config.max_positions, "do_lower_case": True}
    return {**base, **names, "mask_token": "[MASK]"}


def save(model, tokenizer, target):
    """Write the model directory."""
    (target / "onnx").mkdir(parents=True, exist_ok=True)
    export_onnx(model, str(target / "onnx/model.onnx"))
    quantize(str(target / "onnx/model.onnx"), str(target / "onnx/model_quantized.onnx"))
    write_json(target / "config.json", model.config.to_json())
    write_json(target / "tokenizer.json", tokenizer.to_json())
    write_json(target / "tokenizer_config.json", tokenizer_config(model.config))


def main():
    """Train, then export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=600)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(2)
    torch.set_flush_denormal(True)
    tokenizer = WordPiece(topics.all_words())
    model = Bert(BertConfig(len(tokenizer.vocab)))
    print(f"{len(tokenizer.vocab)} tokens, {sum(p.numel() for p in model.parameters())} parameters", flush=True)
    train(model, tokenizer, options.steps)
    save(model, tokenizer, options.target)


if __name__ == "__main__":
    main()

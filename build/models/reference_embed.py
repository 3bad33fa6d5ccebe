"""Write what the embedding model answers in the framework that trained it: `reference_embed.py MODEL_DIR FILE`.

The weights come out of the exported fp32 graph; tokens and vectors are made by the code of the training.
"""

import json
import pathlib
import sys

import onnx
import torch
from onnx import numpy_helper

import topics
from bert import Bert, BertConfig, pooled
from train_embed import padded
from word_piece import WordPiece

LAYER_MATRICES = ("query", "key", "value", "out", "up", "down")
DIGITS = 7
TEXTS = (
    "bake the bread",
    "Fix the BUG, then run the tests!",
    "A rocket flies to the moon.",
    "Rain",
    "x",
    "Ünïcödé crème brûlée",
    "qzxv 42 + 17 = 59?",
    "東京 and the garden",
    "The doctor checks the patient. " * 20,
)


def exported_weights(path, layers):
    """A state dictionary for `Bert`: the inverse of its export; matrices lie transposed, in the order of their use."""
    graph = onnx.load(str(path)).graph
    constants = {tensor.name: torch.tensor(numpy_helper.to_array(tensor)) for tensor in graph.initializer}
    products = [node.input[1] for node in graph.node if node.op_type == "MatMul" and node.input[1] in constants]
    names = [f"layers.{layer}.{matrix}.weight" for layer in range(layers) for matrix in LAYER_MATRICES]
    state = {name: value for name, value in constants.items() if name.split(".")[-1] in ("weight", "bias")}
    for name, product in zip(names, products, strict=True):
        state[name] = constants[product].t().contiguous()
    return state


def vectors(model, tokenizer, texts):
    """One vector for each text, all in one padded batch."""
    ids, mask = padded([tokenizer.encode(text) for text in texts])
    with torch.no_grad():
        return pooled(model(ids, mask, torch.zeros_like(ids)), mask)


def main():
    """Write the file, a line for each text."""
    directory, target = map(pathlib.Path, sys.argv[1:3])
    tokenizer = WordPiece(topics.all_words())
    config = BertConfig(len(tokenizer.vocab))
    model = Bert(config)
    model.load_state_dict(exported_weights(directory / "onnx/model.onnx", config.layers))
    rows = vectors(model.eval(), tokenizer, TEXTS)
    lines = [
        json.dumps({"text": text, "vector": [round(value, DIGITS) for value in row.tolist()]}, ensure_ascii=False)
        for text, row in zip(TEXTS, rows, strict=True)
    ]
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} vectors of {rows.shape[1]} numbers")


if __name__ == "__main__":
    main()

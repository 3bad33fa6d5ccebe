"""Turn a checkpoint into a model directory for transformers.js: `export_chat.py OUT_DIR MODEL_DIR`."""

import pathlib
import shutil
import sys

import torch

import byte_pair
from chat_corpus import CHAT_TEMPLATE, END, PAD
from llama import Llama, LlamaConfig, export_onnx
from model_files import write_json
from quantize import quantize


def tokenizer_config(config):
    """The content of `tokenizer_config.json`."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": config.max_positions,
        "eos_token": END,
        "pad_token": PAD,
        "padding_side": "left",
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }


def main():
    """Export the weights in fp32 and q8 together with configuration and tokenizer."""
    out, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    tokenizer = byte_pair.load(out / "tokenizer.json")
    config = LlamaConfig(vocab_size=len(tokenizer.vocab))
    model = Llama(config)
    model.load_state_dict(torch.load(out / "checkpoint.pt")["average"])
    (target / "onnx").mkdir(parents=True, exist_ok=True)
    export_onnx(model, str(target / "onnx/model.onnx"))
    quantize(str(target / "onnx/model.onnx"), str(target / "onnx/model_quantized.onnx"))
    end, pad = tokenizer.vocab[END], tokenizer.vocab[PAD]
    write_json(target / "config.json", config.to_json(end, pad))
    write_json(target / "generation_config.json", {"eos_token_id": end, "pad_token_id": pad, "do_sample": False})
    write_json(target / "tokenizer_config.json", tokenizer_config(config))
    shutil.copy(out / "tokenizer.json", target / "tokenizer.json")


if __name__ == "__main__":
    main()

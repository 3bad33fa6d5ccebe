"""A small BertModel in plain torch and its ONNX export."""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

NORM_EPSILON = 1e-12


@dataclass(frozen=True)
class BertConfig:
    """Shape of the model."""

    vocab_size: int
    hidden_size: int = 96
    layers: int = 2
    heads: int = 4
    intermediate_size: int = 192
    max_positions: int = 256

    def to_json(self):
        """The content of `config.json`."""
        return {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": self.hidden_size,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.intermediate_size,
            "vocab_size": self.vocab_size,
            "max_position_embeddings": self.max_positions,
            "type_vocab_size": 2,
            "hidden_act": "gelu",
            "layer_norm_eps": NORM_EPSILON,
            "pad_token_id": 0,
            "torch_dtype": "float32",
        }


class Layer(nn.Module):
    """One encoder layer, normalised after each half."""

    def __init__(self, config):
        super().__init__()
        width = config.hidden_size
        self.heads, self.head_size = config.heads, width // config.heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, config.intermediate_size), nn.Linear(config.intermediate_size, width)
        self.attention_norm, self.feed_norm = (nn.LayerNorm(width, eps=NORM_EPSILON) for _ in range(2))

    def split(self, x):
        """[batch, length, width] -> [batch, heads, length, head_size]."""
        return x.view(x.shape[0], -1, self.heads, self.head_size).transpose(1, 2)

    def forward(self, x, bias):
        """Attend, then feed forward."""
        query, key, value = (self.split(part(x)) for part in (self.query, self.key, self.value))
        weights = torch.softmax(query @ key.transpose(2, 3) * (1 / math.sqrt(self.head_size)) + bias, -1)
        mixed = (weights @ value).transpose(1, 2).reshape(x.shape[0], -1, self.heads * self.head_size)
        x = self.attention_norm(x + self.out(mixed))
        return self.feed_norm(x + self.down(functional.gelu(self.up(x))))


class Bert(nn.Module):
    """Token, position and type embeddings, then the layers; returns the last hidden state."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.vocab_size, config.hidden_size)
        self.positions = nn.Embedding(config.max_positions, config.hidden_size)
        self.types = nn.Embedding(2, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size, eps=NORM_EPSILON)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, 0, 0.05)
        nn.init.normal_(self.positions.weight, 0, 0.01)  # positions that training never reaches must not add noise

    def forward(self, ids, mask, types):
        """Hidden states of every token; padding is never attended to."""
        places = torch.arange(ids.shape[1]).unsqueeze(0)
        x = self.norm(self.words(ids) + self.positions(places) + self.types(types))
        bias = (1.0 - mask[:, None, None, :].float()) * -10000.0
        for layer in self.layers:
            x = layer(x, bias)
        return x


def pooled(hidden, mask):
    """Mean over the real tokens, normalised to length one."""
    weights = mask.unsqueeze(-1).float()
    return functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=-1)


def export_onnx(model, path):
    """Write the model as one ONNX file."""
    example = (torch.ones(2, 7, dtype=torch.long), torch.ones(2, 7, dtype=torch.long), torch.zeros(2, 7).long())
    names = ["input_ids", "attention_mask", "token_type_ids"]
    tokens = {0: "batch_size", 1: "sequence_length"}
    torch.onnx.export(
        model.eval(),
        example,
        path,
        input_names=names,
        output_names=["last_hidden_state"],
        dynamic_axes={name: tokens for name in [*names, "last_hidden_state"]},
        opset_version=14,
        do_constant_folding=True,
    )

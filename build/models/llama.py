"""A small LlamaForCausalLM in plain torch: RMSNorm, rotary positions, SwiGLU; and its wrapper for ONNX export."""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True)
class LlamaConfig:
    """Shape of the model; every layer has as many key/value heads as query heads."""

    vocab_size: int = 1024
    hidden_size: int = 128
    layers: int = 4
    heads: int = 4
    intermediate_size: int = 344
    max_positions: int = 512
    norm_epsilon: float = 1e-5
    rope_theta: float = 10000.0

    @property
    def head_size(self):
        """Width of one attention head."""
        return self.hidden_size // self.heads

    def to_json(self, end_id, pad_id):
        """The content of `config.json`."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": self.hidden_size,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.heads,
            "head_dim": self.head_size,
            "intermediate_size": self.intermediate_size,
            "vocab_size": self.vocab_size,
            "max_position_embeddings": self.max_positions,
            "rms_norm_eps": self.norm_epsilon,
            "rope_theta": self.rope_theta,
            "hidden_act": "silu",
            "tie_word_embeddings": False,
            "eos_token_id": end_id,
            "pad_token_id": pad_id,
            "torch_dtype": "float32",
        }


class RmsNorm(nn.Module):
    """Root mean square normalisation."""

    def __init__(self, config):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(config.hidden_size))
        self.epsilon = config.norm_epsilon

    def forward(self, x):
        """Normalise the last dimension."""
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + self.epsilon) * self.weight


def rotate(x, cos, sin):
    """Apply rotary positions in the half-split form that Llama uses."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], -1) * sin


class Attention(nn.Module):
    """Multi-head attention with an optional cache of earlier keys and values."""

    def __init__(self, config):
        super().__init__()
        self.heads, self.head_size = config.heads, config.head_size
        width = config.hidden_size
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x, rope, bias, past):
        """Return the attended values and the keys and values to keep."""
        parts = self.query_key_value(x).view(x.shape[0], -1, 3 * self.heads, self.head_size).transpose(1, 2)
        turned = rotate(parts[:, : 2 * self.heads], *rope)
        query, key, value = turned[:, : self.heads], turned[:, self.heads :], parts[:, 2 * self.heads :]
        if past is not None:
            key, value = torch.cat([past[0], key], 2), torch.cat([past[1], value], 2)
        scores = query @ key.transpose(2, 3) * (1 / math.sqrt(self.head_size)) + bias
        mixed = (torch.softmax(scores, -1) @ value).transpose(1, 2)
        return self.out(mixed.reshape(x.shape[0], -1, self.heads * self.head_size)), key, value


class Block(nn.Module):
    """One decoder layer."""

    def __init__(self, config):
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self.attention_norm, self.feed_norm = RmsNorm(config), RmsNorm(config)
        self.attention = Attention(config)
        self.gate_up = nn.Linear(width, 2 * inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x, rope, bias, past):
        """Return the layer's output and its keys and values."""
        attended, key, value = self.attention(self.attention_norm(x), rope, bias, past)
        x = x + attended
        gate, up = self.gate_up(self.feed_norm(x)).chunk(2, dim=-1)
        return x + self.down(functional.silu(gate) * up), key, value


class Llama(nn.Module):
    """The language model; the caller gives positions and the additive attention bias."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = RmsNorm(config)
        self.head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        exponents = torch.arange(0, config.head_size, 2).float() / config.head_size
        self.register_buffer("frequencies", 1.0 / (config.rope_theta**exponents), persistent=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                scale = 1 / math.sqrt(2 * config.layers) if name.endswith(("out.weight", "down.weight")) else 1
                nn.init.normal_(parameter, 0, scale / math.sqrt(config.hidden_size))

    def forward(self, ids, positions, bias, past=None, selected=None):
        """Return logits (of the `selected` flat positions, when given) and all keys and values."""
        angles = positions.float().unsqueeze(-1) * self.frequencies
        angles = torch.cat([angles, angles], -1).unsqueeze(1)
        rope = angles.cos(), angles.sin()
        x = self.embedding(ids)
        cache = []
        for i, block in enumerate(self.blocks):
            x, key, value = block(x, rope, bias, past[2 * i : 2 * i + 2] if past else None)
            cache += [key, value]
        if selected is not None:
            x = x.reshape(-1, x.shape[-1])[selected]
        return self.head(self.norm(x)), cache


class ExportedLlama(nn.Module):
    """The graph's outside: the attention mask (left padding) and causality become the attention bias."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, mask, positions, *past):
        """Inputs and outputs in the order of `io_names`."""
        total = mask.shape[1]
        columns = torch.arange(total)
        rows = columns[total - ids.shape[1] :]
        allowed = (columns.view(1, 1, 1, -1) <= rows.view(1, 1, -1, 1)) & (mask[:, None, None, :] > 0)
        logits, cache = self.model(ids, positions, (1.0 - allowed.float()) * -10000.0, past)
        return (logits, *cache)


def io_names(config):
    """Names of the cache tensors as transformers.js expects them: inputs, outputs."""
    slots = [f"{layer}.{kind}" for layer in range(config.layers) for kind in ("key", "value")]
    return [f"past_key_values.{slot}" for slot in slots], [f"present.{slot}" for slot in slots]


def export_onnx(model, path):
    """Write the model as one ONNX file with cache inputs and outputs."""
    config = model.config
    past_names, present_names = io_names(config)
    past = [torch.zeros(2, config.heads, 5, config.head_size) for _ in past_names]
    example = (torch.ones(2, 3, dtype=torch.long), torch.ones(2, 8, dtype=torch.long), torch.arange(5, 8).expand(2, 3))
    tokens = {0: "batch_size", 1: "sequence_length"}
    axes = {"input_ids": tokens, "position_ids": tokens, "logits": tokens}
    axes["attention_mask"] = {0: "batch_size", 1: "total_sequence_length"}
    axes |= {name: {0: "batch_size", 2: "past_sequence_length"} for name in past_names}
    axes |= {name: {0: "batch_size", 2: "total_sequence_length"} for name in present_names}
    torch.onnx.export(
        ExportedLlama(model).eval(),
        (*example, *past),
        path,
        input_names=["input_ids", "attention_mask", "position_ids", *past_names],
        output_names=["logits", *present_names],
        dynamic_axes=axes,
        opset_version=14,
        do_constant_folding=True,
    )

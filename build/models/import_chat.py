"""Weights of an exported chat model, to train on from: the inverse of `llama.export_onnx`."""

import onnx
import torch
from onnx import numpy_helper

MATRICES = ("attention.query_key_value", "attention.out", "gate_up", "down")


def exported_weights(path, layers):
    """A state dictionary for `Llama`; matrices lie transposed in the graph, in the order of the layers."""
    graph = onnx.load(str(path)).graph
    constants = {tensor.name: torch.tensor(numpy_helper.to_array(tensor)) for tensor in graph.initializer}
    products = [node.input[1] for node in graph.node if node.op_type == "MatMul" and node.input[1] in constants]
    names = [f"blocks.{layer}.{matrix}.weight" for layer in range(layers) for matrix in MATRICES] + ["head.weight"]
    state = {name.removeprefix("model."): value for name, value in constants.items() if name.startswith("model.")}
    for name, product in zip(names, products, strict=True):
        state[name] = constants[product].t().contiguous()
    return state

"""Write the q8 variant of an ONNX model: `quantize.py model.onnx model_quantized.onnx`.

Every MatMul with a constant matrix becomes DynamicQuantizeLinear + MatMulInteger: weights int8 per column, activations
uint8 per tensor at run time. Embedding tables and norms stay fp32.
"""

import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

SMALLEST = 1024


def column_quantized(weights):
    """int8 weights and one fp32 scale per column."""
    scale = numpy.maximum(numpy.abs(weights).max(0), 1e-8) / 127
    return numpy.clip(numpy.round(weights / scale), -127, 127).astype(numpy.int8), scale.astype(numpy.float32)


def integer_matmul(node, name):
    """The nodes that stand for one MatMul; `name`.weight and `name`.scale are initialisers."""
    make = helper.make_node
    dynamic = [f"{name}.input", f"{name}.input_scale", f"{name}.input_zero"]
    return [
        make("DynamicQuantizeLinear", [node.input[0]], dynamic),
        make("MatMulInteger", [dynamic[0], f"{name}.weight", dynamic[2]], [f"{name}.integer"]),
        make("Cast", [f"{name}.integer"], [f"{name}.float"], to=TensorProto.FLOAT),
        make("Mul", [dynamic[1], f"{name}.scale"], [f"{name}.both_scales"]),
        make("Mul", [f"{name}.float", f"{name}.both_scales"], list(node.output)),
    ]


def quantize(source, target):
    """Read an fp32 model, write its q8 variant; returns how many matrices were quantised."""
    model = onnx.load(source)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    nodes, added = [], []
    for node in model.graph.node:
        weights = constants.get(node.input[1]) if node.op_type == "MatMul" else None
        if weights is None or weights.ndim != 2 or weights.size < SMALLEST:
            nodes.append(node)
            continue
        name = f"q8.{len(added) // 2}"
        quantized, scale = column_quantized(weights)
        added += [numpy_helper.from_array(quantized, f"{name}.weight"), numpy_helper.from_array(scale, f"{name}.scale")]
        nodes += integer_matmul(node, name)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.node[:], model.graph.initializer[:], model.graph.value_info[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend([*kept, *added])
    onnx.checker.check_model(model)
    onnx.save(model, target)
    return len(added) // 2


if __name__ == "__main__":
    print(f"{quantize(sys.argv[1], sys.argv[2])} matrices quantised")

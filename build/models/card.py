"""Write a model card from its template and the output of evaluate.ts: `card.py TEMPLATE EVALUATION.json README.md`.

The template has two places: {{rates}} and {{figures}}.
"""

import json
import pathlib
import sys

DTYPES = {"fp32": "fp32 (`onnx/model.onnx`)", "q8": "q8 (`onnx/model_quantized.onnx`)"}
LABELS = {
    "loadMs": "load (first fp32, then q8 in the same process), ms",
    "tokensPerSecond": "tokens per second",
    "textsPerSecond": "texts per second (batches of 32)",
    "sameTopicCosine": "mean cosine, same topic",
    "otherTopicCosine": "mean cosine, other topic",
    "retrievalAccuracy": "nearest sentence has the same topic",
}


def table(rows):
    """A Markdown table with one column per dtype."""
    lines = [f"| | {' | '.join(DTYPES.values())} |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def rates(evaluation):
    """Exact answers of each task."""
    tasks = evaluation["fp32"].get("rates", {})
    return table([[task, *(cell(evaluation[dtype]["rates"][task]) for dtype in DTYPES)] for task in tasks])


def cell(rate):
    """One rate as a percentage with its counts."""
    return f"{100 * rate['rate']:.1f} % ({rate['right']} of {rate['of']})"


def figures(evaluation):
    """Everything that is one number per dtype."""
    names = [name for name in LABELS if name in evaluation["fp32"]]
    return table([[LABELS[name], *(str(evaluation[dtype][name]) for dtype in DTYPES)] for name in names])


def main():
    """Fill the template."""
    template, source, target = (pathlib.Path(path) for path in sys.argv[1:4])
    evaluation = json.loads(source.read_text(encoding="utf-8"))
    text = template.read_text(encoding="utf-8")
    for place, render in {"{{rates}}": rates, "{{figures}}": figures}.items():
        if place in text:
            text = text.replace(place, render(evaluation))
    target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

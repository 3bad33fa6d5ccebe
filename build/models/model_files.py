"""Writing JSON the way every model directory has it."""

import json


def write_json(path, content):
    """Indented, UTF-8, with a final line break."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

"""Write `digests.json` of a model directory: `digests.py MODEL_DIR REVISION`. A node checks every file against it."""

import hashlib
import json
import pathlib
import sys

NAME = "digests.json"


def digests(directory, revision):
    """SHA-256 and size of every file but the digests themselves."""
    files = sorted(path for path in directory.rglob("*") if path.is_file() and path.name != NAME)
    entries = {}
    for path in files:
        content = path.read_bytes()
        name = path.relative_to(directory).as_posix()
        entries[name] = {"sha256": hashlib.sha256(content).hexdigest(), "sizeBytes": len(content)}
    return {"model": f"{directory.parent.name}/{directory.name}", "revision": revision, "files": entries}


def main():
    """Write the file and say what it covers."""
    directory = pathlib.Path(sys.argv[1]).resolve()
    content = digests(directory, sys.argv[2])
    (directory / NAME).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(f"{content['model']} {content['revision']}: {len(content['files'])} files")


if __name__ == "__main__":
    main()

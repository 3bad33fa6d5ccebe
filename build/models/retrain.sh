#!/bin/sh
# Retrain, export, measure and describe one demo model: retrain.sh chat|embed REVISION [--steps N] [--resume]
# With --steps 0 --resume the weights stay as the last checkpoint has them (chat) and only the rest is made again.
set -eu
kind=$1 revision=$2
shift 2
here=$(dirname "$0")
out=$here/out/$kind
model=$here/../../shared/models/sparewatt/demo-$kind
mkdir -p "$out" "$model"

# Without these, half of the time goes into page faults and into threads that wait by spinning.
export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592 GOMP_SPINCOUNT=1000
export PYTHONDONTWRITEBYTECODE=1

if [ "$kind" = chat ]; then
  /usr/bin/python3 "$here/train_chat.py" "$out" "$@"
  /usr/bin/python3 "$here/export_chat.py" "$out" "$model"
  /usr/bin/python3 "$here/heldout_chat.py" "$out/heldout.json"
  node "$here/evaluate.ts" chat "$out/heldout.json" "$model/examples.json" >"$out/evaluation.json"
else
  /usr/bin/python3 "$here/train_embed.py" "$model" "$@"
  /usr/bin/python3 "$here/reference_embed.py" "$model" "$here/../../test/fixtures/demo-embed-vectors.jsonl"
  /usr/bin/python3 "$here/heldout_embed.py" "$out/heldout.json"
  node "$here/evaluate.ts" embed "$out/heldout.json" >"$out/evaluation.json"
fi
/usr/bin/python3 "$here/card.py" "$here/cards/demo-$kind.md" "$out/evaluation.json" "$model/README.md"
/usr/bin/python3 "$here/digests.py" "$model" "$revision"

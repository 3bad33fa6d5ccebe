"""A node of a relay that has nothing but HTTP and Python's standard library.

    python3 miner.py RELAY_URL NAME [--code CODE] [--slots N] [--slow SECONDS]

Serves a toy chat model that repeats what it is told, word by word, and a toy embedding that counts letters.
"""
import argparse, json, signal, sys, threading, time, urllib.error, urllib.request

options = argparse.ArgumentParser()
options.add_argument("relay")
options.add_argument("name")
options.add_argument("--code")
options.add_argument("--slots", type=int, default=2)
options.add_argument("--slow", type=float, default=0)
options = options.parse_args()
headers = {"content-type": "application/json"}
MODELS = [{"name": "toy/parrot", "type": "llm"}, {"name": "toy/letters", "type": "embed", "dimensions": 26}]


def ask(what, body):
    """The relay's answer and None, or None and the code of its refusal."""
    data = json.dumps(body).encode()
    request = urllib.request.Request(f"{options.relay}/v1/miners/{what}", data, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=40) as answer:
            return json.loads(answer.read() or b"null"), None
    except urllib.error.HTTPError as refusal:
        return None, json.loads(refusal.read())["code"]


def chat(name, job):
    words = job["input"]["messages"][-1]["content"].split(" ")
    for seq, word in enumerate(words):
        time.sleep(options.slow)
        text = word if seq == 0 else f" {word}"
        if ask("result", {**name, "partial": True, "seq": seq, "text": text})[1]:
            return None  # Cancelled, or given to another node: nobody waits for the rest.
    return {"usage": {"inputTokens": len(words), "outputTokens": len(words)}}


def embed(name, job):
    rows = [[float(text.lower().count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in job["input"]["inputs"]]
    return {"vectors": rows, "usage": {"inputTokens": len(rows), "outputTokens": 0}}


def work():
    while True:
        answer, refusal = ask("poll", {"waitMs": 10_000})
        job = answer and answer["request"]
        if job:
            name = {key: job[key] for key in ("job", "attempt", "epoch")}
            print(json.dumps(name), flush=True)
            try:
                end = (chat if job["type"] == "llm" else embed)(name, job)
                if end:
                    ask("result", {**name, **end})
            except Exception as error:
                ask("fail", {**name, "message": f"The miner failed: {type(error).__name__}.", "retry": True})
        elif refusal:
            time.sleep(1)


registration = {"name": options.name, "slots": options.slots, "document": {"served_models": MODELS}}
me, refusal = ask("register", {**registration, **({"code": options.code} if options.code else {})})
if refusal:
    raise SystemExit(f"the relay refuses this miner: {refusal}")
headers["authorization"] = f"Bearer {me['token']}"
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
for _ in range(options.slots):
    threading.Thread(target=work, daemon=True).start()
print(json.dumps({"node": me["nodeId"]}), flush=True)
try:
    while True:
        time.sleep(me["heartbeatIntervalMs"] / 1000)
        ask("heartbeat", {})
finally:
    while ask("drain", {})[0]["state"] != "drained":
        time.sleep(0.1)

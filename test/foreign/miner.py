"""A node of a relay, with HTTP and Python's standard library alone: one model repeats words, one counts letters."""
import argparse, http.client, json, os, signal, string, sys, threading, time, urllib.error, urllib.request

arguments = argparse.ArgumentParser(description=__doc__)
arguments.add_argument("relay", help="its address")
arguments.add_argument("name")
arguments.add_argument("--code", help="of the relay's operator")
arguments.add_argument("--keep", help="file for its token, by which it is the same node when it starts again")
arguments.add_argument("--slots", type=int, default=2, help="jobs at a time")
arguments.add_argument("--slow", type=float, default=0, help="seconds for each word")
options = arguments.parse_args()
headers = {"content-type": "application/json"}
MODELS = [{"name": "toy/parrot", "type": "llm"}, {"name": "toy/letters", "type": "embed", "dimensions": 26}]

def ask(what, **body):
    """The relay's answer; what it answers when it refuses has a "code", and so has a relay that is away."""
    request = urllib.request.Request(f"{options.relay}/v1/miners/{what}", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=40) as answer:
            return json.loads(answer.read() or "{}")
    except (OSError, http.client.HTTPException) as trouble:
        refused = isinstance(trouble, urllib.error.HTTPError)
        time.sleep(0.1 if refused else 1)  # Nobody is helped by being asked again at once.
        return json.loads(trouble.read()) if refused else {"code": "relay_unreachable"}

def run(name, job):
    if job["type"] == "embed":
        vectors = [[text.lower().count(letter) for letter in string.ascii_lowercase] for text in job["input"]["inputs"]]
        return ask("result", **name, vectors=vectors, usage={"inputTokens": len(vectors), "outputTokens": 0})
    words = job["input"]["messages"][-1]["content"].split(" ")
    for seq, word in enumerate(words):
        time.sleep(options.slow)
        if "code" in ask("result", **name, partial=True, seq=seq, text=f" {word}" if seq else word):
            return  # Cancelled, or given to another node: nobody waits for the rest.
    ask("result", **name, usage={"inputTokens": len(words), "outputTokens": len(words)})

def work():
    while True:
        if job := ask("poll", waitMs=10_000).get("request"):
            name = {key: job[key] for key in ("job", "attempt", "epoch")}
            print(json.dumps(name), flush=True)
            try:
                run(name, job)
            except Exception as error:
                ask("fail", **name, message=f"The miner failed: {type(error).__name__}.", retry=True)

if options.keep and os.path.exists(options.keep):
    headers["authorization"] = open(options.keep).read()
code = {"code": options.code} if options.code else {}
me = ask("register", name=options.name, slots=options.slots, document={"served_models": MODELS}, **code)
if "code" in me: sys.exit(f"the relay refuses this miner: {me['code']}")
if me["token"]: headers["authorization"] = f"Bearer {me['token']}"  # None where the one that was shown stays good.
if options.keep: open(options.keep, "w", opener=lambda *at: os.open(*at, 0o600)).write(headers["authorization"])
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
for _ in range(options.slots): threading.Thread(target=work, daemon=True).start()
print(json.dumps({"node": me["nodeId"]}), flush=True)
try:
    while time.sleep(me["heartbeatIntervalMs"] / 1000) is None: ask("heartbeat")
finally:
    while ask("drain").get("state") == "draining": time.sleep(0.1)

#!/bin/sh
# The same with curl: SPAREWATT_API_KEY=sk-sparewatt-… sh docs/examples/curl.sh
set -eu
relay=${SPAREWATT_RELAY:-http://127.0.0.1:8484}
key="Authorization: Bearer $SPAREWATT_API_KEY"
json='Content-Type: application/json'
ask() { curl --fail --silent --show-error "$@"; echo; }

# Whether clients may be sent here.
ask "$relay/v1/health/ready"

# What can be asked for.
ask "$relay/v1/models" -H "$key"

# A question, and one whose answer is shown as it is made.
ask "$relay/v1/chat/completions" -H "$key" -H "$json" \
  -d '{"model": "sparewatt/demo-chat", "messages": [{"role": "user", "content": "What is 17 + 25?"}]}'
ask --no-buffer "$relay/v1/chat/completions" -H "$key" -H "$json" \
  -d '{"model": "sparewatt/demo-chat", "messages": [{"role": "user", "content": "What is 17 + 25?"}], "stream": true}'

# A job for later: its id, its end, its result, its receipt.
job=$(ask "$relay/v1/jobs" -H "$key" -H "$json" -d '{"service": "llm/inference", "input": "What is 17 + 25?"}' |
  sed -n 's/.*"id": *"\(job_[a-z0-9]*\)".*/\1/p')
ask --no-buffer "$relay/v1/jobs/$job/events" -H "$key"
ask "$relay/v1/jobs/$job/result" -H "$key"
ask "$relay/v1/jobs/$job/receipt" -H "$key"

import { closeConnections } from './ask.ts';
import { constraints } from './constraints.ts';
import { embeddings } from './embeddings.ts';
import type { Figure } from './figure.ts';
import { firstToken, wholeAnswer } from './first-token.ts';
import { type RelayPool, startRelayPool } from './relay-pool.ts';
import { requests } from './requests.ts';
import { streamingRate, tokenCost, tokenCpu } from './streaming.ts';

/**
 * `npm run bench`: one JSON line per figure on stdout. Names on the command line (parts of those below) narrow it down:
 * `npm run bench -- requests`.
 */
const BENCHES: Record<string, (pool: RelayPool) => Promise<Figure[]>> = {
  'first-token': firstToken,
  'whole-answer': wholeAnswer,
  'streaming-rate': streamingRate,
  'token-cost': tokenCost,
  'token-cpu': tokenCpu,
  requests,
  embeddings,
  constraints,
};

const wanted = process.argv.slice(2);
const benches = Object.entries(BENCHES).filter(
  ([name]) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
);
if (benches.length === 0) {
  console.error(`No benchmark is called ${wanted.join(' or ')}. There are ${Object.keys(BENCHES).join(', ')}.`);
  process.exit(1);
}

const pool = await startRelayPool();
try {
  for (const [name, measure] of benches) {
    console.error(`measuring ${name} …`);
    for (const figure of await measure(pool)) console.log(JSON.stringify(figure));
  }
} finally {
  closeConnections();
  await pool.stop();
}

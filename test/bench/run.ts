import { closeConnections } from './ask.ts';
import { bigStore } from './big-store.ts';
import { churn } from './churn.ts';
import { constraintMasks } from './constraint-masks.ts';
import { constraints } from './constraints.ts';
import { crashes } from './crashes.ts';
import { decisions } from './decisions.ts';
import { durableJobs } from './durable-jobs.ts';
import { embeddings } from './embeddings.ts';
import { encoderModels } from './encoder-models.ts';
import type { Figure } from './figure.ts';
import { firstToken, wholeAnswer } from './first-token.ts';
import { fuzz } from './fuzz.ts';
import { hiddenApp } from './hidden-app.ts';
import { hiddenTab } from './hidden-tab.ts';
import { idleApp } from './idle-app.ts';
import { languageModels } from './language-models.ts';
import { frozenNode, killedNode } from './lost-nodes.ts';
import { manyNodes } from './many-nodes.ts';
import { manyStreams, openStreams } from './many-streams.ts';
import { mixedDay } from './mixed-day.ts';
import { coldStart, modelLoads } from './model-loads.ts';
import { pausesOfPage, pausesOfProcessor } from './pauses.ts';
import { prefixReuse } from './prefix-reuse.ts';
import { realNodes } from './real-nodes.ts';
import { type RelayPool, startRelayPool } from './relay-pool.ts';
import { requests } from './requests.ts';
import { revocation } from './revocation.ts';
import { sensedPauses } from './sensed-pauses.ts';
import { streamingRate, tokenCost, tokenCpu } from './streaming.ts';
import { submitLatency } from './submit-latency.ts';
import { translations } from './translations.ts';
import { windowFigures } from './window.ts';

/**
 * `npm run bench`: one JSON line per figure on stdout. Names on the command line (parts of those below) narrow it down:
 * `npm run bench -- requests`. Sizes can stand beside them: `crashes jobs=1000 kills=20 seed=7`,
 * `fuzz requests=5000 seed=1`.
 */
const BENCHES: Record<string, (pool: RelayPool) => Promise<Figure[]>> = {
  'first-token': firstToken,
  'whole-answer': wholeAnswer,
  'streaming-rate': streamingRate,
  'token-cost': tokenCost,
  'token-cpu': tokenCpu,
  requests,
  'durable-jobs': durableJobs,
  'submit-latency': submitLatency,
  embeddings,
  'real-nodes': realNodes,
  'killed-node': killedNode,
  'frozen-node': frozenNode,
  revocation,
};
/** Those that bring what they need themselves, and are best alone. */
const ALONE: Record<string, (sizes: Record<string, number>) => Promise<Figure[]>> = {
  'many-nodes': manyNodes,
  decisions,
  constraints,
  'constraint-masks': constraintMasks,
  'many-streams': manyStreams,
  'open-streams': openStreams,
  'big-store': bigStore,
  churn,
  crashes,
  fuzz,
  'prefix-reuse': prefixReuse,
  'language-models': languageModels,
  'encoder-models': encoderModels,
  'translations-at-once': translations,
  'model-loads': modelLoads,
  'mixed-day': mixedDay,
  'cold-start': coldStart,
  window: windowFigures,
  'hidden-tab': hiddenTab,
  'hidden-app': hiddenApp,
  'idle-app': idleApp,
  'pauses-processor': pausesOfProcessor,
  'pauses-page': pausesOfPage,
  'pauses-sensed': sensedPauses,
};

const given = process.argv.slice(2);
const wanted = given.filter((word) => !word.includes('='));
const sizes = Object.fromEntries(
  given.filter((word) => word.includes('=')).map((word) => [word.split('=', 1)[0] ?? '', Number(word.split('=')[1])]),
);
const chosen = <Measure>(from: Record<string, Measure>): [string, Measure][] =>
  Object.entries(from).filter(([name]) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
const alone = chosen(ALONE);
const inPool = chosen(BENCHES);
if (alone.length + inPool.length === 0) {
  const names = [...Object.keys(BENCHES), ...Object.keys(ALONE)];
  console.error(`No benchmark is called ${wanted.join(' or ')}. There are ${names.join(', ')}.`);
  process.exit(1);
}

async function report(name: string, measure: () => Promise<Figure[]>): Promise<void> {
  console.error(`measuring ${name} …`);
  for (const figure of await measure()) console.log(JSON.stringify(figure));
}

for (const [name, measure] of alone) await report(name, () => measure(sizes));
if (inPool.length > 0) {
  const pool = await startRelayPool();
  try {
    for (const [name, measure] of inPool) await report(name, () => measure(pool));
  } finally {
    closeConnections();
    await pool.stop();
  }
}

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { assertError, type ErrorAnswer, readError } from '../support/error-answers.ts';
import { readEvents, textOf } from '../support/network/sse.ts';
import { type Pool, startTestPool } from '../support/pool.ts';
import { until } from '../support/until.ts';

async function setUp(t: TestContext): Promise<Pool> {
  const pool = await startTestPool(t);
  await pool.addNode();
  return pool;
}

function signalBus(pool: Pool, signal: NodeJS.Signals): void {
  const { pid } = JSON.parse(readFileSync(join(pool.dataFolder, 'nats', 'server.json'), 'utf8')) as { pid: number };
  process.kill(pid, signal);
}

/** The bus is back within a tenth of a second, which a busy machine does not see: each time that it is killed, it comes later. */
function killUntil(pool: Pool, isSo: () => Promise<boolean>): Promise<void> {
  return until(async () => {
    try {
      signalBus(pool, 'SIGKILL');
    } catch {
      // It is not back yet.
    }
    return isSo();
  });
}

function ask(
  pool: Pool,
  model: string,
  { stream = false, ...more }: { stream?: boolean; routing?: object } = {},
): Promise<Response> {
  return pool.request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream, ...more, messages: [{ role: 'user', content: 'one two' }] }),
  });
}

async function healthOf(pool: Pool): Promise<{ status: string; reasons: string[]; nodes: number }> {
  const response = await pool.request('/v1/health');
  assert.equal(response.status, 200);
  return (await response.json()) as { status: string; reasons: string[]; nodes: number };
}

/** A signal takes a moment to be felt: asks one after another until an answer does not come. */
async function askUntilRefused(pool: Pool): Promise<ErrorAnswer> {
  while (true) {
    const response = await ask(pool, 'test/noop', AT_ONCE);
    if (!response.ok) return readError(response);
    await response.text();
  }
}

/** Who does not wait for a slot waits for no bus, either. */
const AT_ONCE = { routing: { max_wait_ms: 0 } };

/** Asks one after another until an answer comes; returns the refusals. */
async function askUntilAnswered(pool: Pool): Promise<ErrorAnswer[]> {
  const refusals: ErrorAnswer[] = [];
  await until(async () => {
    const response = await ask(pool, 'test/noop', AT_ONCE);
    if (response.ok) await response.text();
    else refusals.push(await readError(response));
    return response.ok;
  });
  return refusals;
}

test('[T4] a request that comes while NATS is gone waits for it, and is answered', async (t) => {
  const pool = await setUp(t);
  // A machine that is busy may take longer than a moment to start it again.
  await until(async () => {
    await killUntil(pool, async () => (await ask(pool, 'test/noop', AT_ONCE)).status === 503);
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(pool, 'test/noop')));
    return answers.every(({ status }) => status === 200);
  });
});

test('answers 503 at once while NATS is gone to who does not wait, says so in its health, and recovers by itself', async (t) => {
  const pool = await setUp(t);
  signalBus(pool, 'SIGKILL');
  const first = await askUntilRefused(pool);
  await killUntil(pool, async () => {
    const { status, nodes, reasons } = await healthOf(pool);
    return status === 'degraded' && nodes === 0 && /message bus/.test(reasons.join());
  });

  const refusals = [first, ...(await askUntilAnswered(pool))];
  const codes = refusals.map(({ body }) => (JSON.parse(body) as { code: string }).code);
  assert.ok(codes.includes('bus_unavailable'), codes.join());
  for (const refusal of refusals) {
    const { code } = JSON.parse(refusal.body) as { code: 'bus_unavailable' | 'no_capacity' | 'node_lost' };
    assert.ok(['bus_unavailable', 'no_capacity', 'node_lost'].includes(code), code);
    assertError(refusal, { code });
    if (refusal.status === 503) assert.ok(Number(refusal.headers.get('retry-after')) >= 1);
  }
  assert.deepEqual((await healthOf(pool)).status, 'ok');
});

test('is not ready while NATS is gone, and is again when it is back', async (t) => {
  const pool = await setUp(t);
  const isReady = async (): Promise<boolean> => (await pool.request('/v1/health/ready')).status === 200;
  assert.equal(await isReady(), true);
  await killUntil(pool, async () => !(await isReady()));
  await until(isReady);
});

test('serves what needs no node while NATS is gone', async (t) => {
  const pool = await setUp(t);
  await killUntil(pool, async () => (await healthOf(pool)).status === 'degraded');
  assert.deepEqual((await pool.client().models.list()).data, []);
  assert.equal((await pool.client().models.retrieve('test/echo')).id, 'test/echo');
  assert.equal((await pool.request('/openapi.json')).status, 200);
});

test('ends answers under way when NATS goes: a stream with an error event, a whole answer with a status', async (t) => {
  const pool = await setUp(t);
  const stream = await ask(pool, 'test/stuck', { stream: true });
  const whole = ask(pool, 'test/stuck');
  await until(async () => (await runningJobs(pool)) === 2);
  signalBus(pool, 'SIGKILL');
  const { events, isDone } = readEvents(await stream.text());
  assert.deepEqual([textOf(events), events.at(-1)?.error?.code, isDone], ['first ', 'bus_unavailable', false]);
  const answer = await readError(await whole);
  const { code } = JSON.parse(answer.body) as { code: 'node_lost' | 'bus_unavailable' };
  assert.ok(['node_lost', 'bus_unavailable'].includes(code), code);
  assertError(answer, { code });
});

test('answers a request that meets a hung NATS within the time a node has to take it, and goes on after it', async (t) => {
  const pool = await setUp(t);
  signalBus(pool, 'SIGSTOP');
  try {
    assertError(await askUntilRefused(pool), { code: 'bus_unavailable', message: /did not answer/ });
  } finally {
    signalBus(pool, 'SIGCONT');
  }
  await askUntilAnswered(pool);
});

async function runningJobs(pool: Pool): Promise<number> {
  return ((await (await pool.request('/v1/health')).json()) as { jobs: { running: number } }).jobs.running;
}

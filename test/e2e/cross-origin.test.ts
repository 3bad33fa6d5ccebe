/** Pages of other origins in a real browser, which decides by what the relay tells it before and after each request. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build, type Rollup } from 'vite';
import { launchBrowser } from '../support/browsers/join-page.ts';
import { type Pool, startPool } from '../support/pool.ts';

const CLIENT = await bundle('openai');
const browser = await launchBrowser();
after(() => browser.close());
const [app, stranger] = [await startSite(), await startSite()];
const pool = await startPool({ corsOrigins: [app] });
after(() => pool.close());
await pool.addNode();

/** A package as pages get it. */
async function bundle(name: string): Promise<string> {
  const lib = { entry: fileURLToPath(import.meta.resolve(name)), formats: ['es' as const] };
  const made = await build({ configFile: false, logLevel: 'error', build: { write: false, minify: false, lib } });
  const [{ output }] = made as [Rollup.RollupOutput];
  return output[0].code;
}

/** A page of an origin of its own, with the official client beside it. Gives the origin. */
async function startSite(): Promise<string> {
  const site = createServer(({ url }, response) => {
    const isClient = url === '/client.js';
    response.setHeader('content-type', isClient ? 'text/javascript' : 'text/html');
    response.end(isClient ? CLIENT : '<!doctype html><title>An app</title>');
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  after(() => site.close());
  return `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
}

/** What a script comes to in a page of this origin. `relay`, `key`, `admin` and `ask` are there for it. */
async function runAt<Result>(origin: string, { relay }: Pool, script: string): Promise<Result> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(origin);
  const facts = JSON.stringify({ relay: relay.url, key: relay.apiKey, admin: relay.adminToken });
  const result = await page.evaluate<Result>(`(async ({ relay, key, admin }) => {
    const ask = (path, body, token = key) => fetch(relay + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: 'Bearer ' + token, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    ${script}
  })(${facts})`);
  await page.context().close();
  return result;
}

const CHAT = `'/v1/chat/completions'`;
const WORDS = `{ model: 'test/echo', messages: [{ role: 'user', content: 'one two three' }], stream: true }`;
const REFUSED = 'TypeError: Failed to fetch';

test('[X19] a page of a named origin reads a stream with its key while it is made, and who serves it', async () => {
  // The model says a word and then nothing, until it is cancelled.
  const script = `
    const response = await ask(${CHAT}, { ...${WORDS}, model: 'test/stuck' });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!/"content":"\\w/.test(text)) text += (await reader.read()).value;
    await reader.cancel();
    return [response.headers.get('x-sparewatt-node'), response.headers.get('x-sparewatt-receipt')];`;
  const [node, receipt] = await runAt<string[]>(app, pool, script);
  assert.match(String(node), /^test-/);
  assert.match(String(receipt), /^rcpt_/);
});

test('[X19] the official client works there as it does elsewhere, and tells a refusal by its code', async () => {
  const script = `
    const { default: OpenAI } = await import('/client.js');
    const client = new OpenAI({ baseURL: relay + '/v1', apiKey: key, dangerouslyAllowBrowser: true, maxRetries: 0 });
    const stream = await client.chat.completions.create(${WORDS});
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    const refusal = await client.chat.completions.create({ ...${WORDS}, model: 'test/none' }).catch(({ status, code }) => [status, code]);
    return [text, refusal];`;
  assert.deepEqual(await runAt(app, pool, script), ['one two three', [404, 'model_not_found']]);
});

test('[X19] a page of another origin reads nothing, and what it would ask is not even done', async () => {
  const jobs = async () => ((await (await pool.request('/v1/jobs')).json()) as { data: unknown[] }).data.length;
  const before = await jobs();
  const script = `return [await ask('/v1/models').catch(String), await ask(${CHAT}, ${WORDS}).catch(String)];`;
  assert.deepEqual(await runAt(stranger, pool, script), [REFUSED, REFUSED]);
  assert.equal(await jobs(), before);
});

test('[X19] a page of a named origin does nothing of the operator, though it has the token', async () => {
  const script = `return [
    await ask('/v1/admin/keys', undefined, admin).catch(String),
    await ask('/v1/admin/keys', { name: 'mine' }, admin).catch(String),
    await ask('/v1/admin/session', { token: admin }, admin).catch(String),
  ];`;
  assert.deepEqual(await runAt(app, pool, script), [REFUSED, REFUSED, REFUSED]);
  const kept = await pool.request('/v1/admin/keys', { headers: { authorization: `Bearer ${pool.relay.adminToken}` } });
  assert.equal(((await kept.json()) as { data: unknown[] }).data.length, 1);
});

test('[X19] without a list no page but those of the relay reads anything, with a star every page does', async (t) => {
  const script = `return (await ask('/v1/models').then(({ status }) => status)).toString();`;
  const [closed, open] = [await startPool(), await startPool({ corsOrigins: ['*'] })];
  t.after(() => Promise.all([closed.close(), open.close()]));
  await assert.rejects(runAt(app, closed, script), /Failed to fetch/);
  assert.equal(await runAt(`${closed.relay.url}/verify`, closed, script), '200');
  assert.equal(await runAt(stranger, open, script), '200');
});

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Value } from 'typebox/value';
import { createApp } from '../../../../relay/app.ts';
import type { RelayServices } from '../../../../relay/services.ts';
import { ProblemFacts } from '../../../../shared/api/problems.ts';
import { ADVICE } from '../../../../shared/problems/advice.ts';
import { PROBLEMS, type ProblemCode } from '../../../../shared/problems/table.ts';
import { assertError } from '../../../support/error-answers.ts';
import { silentLog } from '../../../support/pool.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const services = { version: '0.0.0-test' } as RelayServices;
const CODES = Object.keys(PROBLEMS) as ProblemCode[];
const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };
const FRAME = '<!doctype html><title>x</title><link rel="stylesheet" href="../assets/a.css" /><main></main>';

const appWith = (pagesFolder: string) => createApp({ services, logger: silentLog, maxBodyBytes: 1_024, pagesFolder });

test('leads from the type of an error to what its code means, for whoever has no key', async (t) => {
  const app = await appWith(temporaryFolder(t));
  const asked = 'http://relay.test/v1/nothing/here';
  const { type, code } = (await app.inject(asked)).json();
  assert.equal(code, 'unknown_url');
  const { statusCode, headers, body } = await app.inject(new URL(type, asked).href);
  assert.equal(statusCode, 200);
  assert.match(String(headers['content-type']), /^application\/json/);
  const { title, status, retry } = PROBLEMS.unknown_url;
  assert.deepEqual(JSON.parse(body), { code, title, status, retry, advice: ADVICE.unknown_url });
});

test('lists every code with its facts', async (t) => {
  const app = await appWith(temporaryFolder(t));
  const { data, next } = (await app.inject({ url: '/problems', headers: { accept: 'application/json' } })).json();
  assert.equal(next, null);
  assert.deepEqual(
    data.map(({ code }: { code: string }) => code),
    CODES.toSorted(),
  );
  for (const facts of data) {
    assert.ok(Value.Check(ProblemFacts, facts));
    assert.deepEqual((await app.inject(`/problems/${facts.code}`)).json(), facts);
  }
});

test('shows a browser each problem as a page in the frame of the built pages, without a script', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'problems'));
  writeFileSync(join(folder, 'problems', 'index.html'), FRAME);
  const app = await appWith(folder);
  const list = (await app.inject({ url: '/problems', headers: BROWSER })).body;
  for (const code of CODES) {
    const { headers, body } = await app.inject({ url: `/problems/${code}`, headers: BROWSER });
    assert.match(String(headers['content-type']), /^text\/html; charset=utf-8$/);
    assert.match(String(headers['content-security-policy']), /default-src 'none'/);
    assert.match(String(headers.vary), /accept/);
    assert.ok(
      body.startsWith(`<!doctype html><title>${PROBLEMS[code].title} (${code}) – Sparewatt</title><link`),
      body,
    );
    assert.doesNotMatch(body, /<script|style=| on\w+=/);
    for (const told of [ADVICE[code], `<code>${code}</code>`, `<dd>${PROBLEMS[code].status}</dd>`]) {
      assert.ok(body.includes(told), `${code}: ${told}`);
    }
    assert.ok(list.includes(`<a href="/problems/${code}">`), code);
  }
});

test('says whether a second try can help', async (t) => {
  const app = await appWith(temporaryFolder(t));
  const told = async (code: ProblemCode) => (await app.inject({ url: `/problems/${code}`, headers: BROWSER })).body;
  assert.match(await told('invalid_json'), /No: the same request fails again/);
  assert.match(await told('queue_full'), /Yes, the same request after a pause\..*Retry-After/);
  assert.match(await told('node_lost'), /Yes: another node may do it/);
});

test('shows the page also before the pages are built', async (t) => {
  const app = await appWith(join(temporaryFolder(t), 'missing'));
  const { statusCode, body } = await app.inject({ url: '/problems/pages_missing', headers: BROWSER });
  assert.equal(statusCode, 200);
  assert.ok(body.includes(ADVICE.pages_missing));
});

test('refuses a code that there is not as every address that there is not', async (t) => {
  const app = await appWith(temporaryFolder(t));
  for (const code of ['novelty', 'constructor', '__proto__', '%3Cscript%3E', 'QUEUE_FULL']) {
    for (const headers of [BROWSER, {}]) {
      const { statusCode, headers: answered, body } = await app.inject({ url: `/problems/${code}`, headers });
      const told = new Headers(answered as Record<string, string>);
      assertError({ status: statusCode, headers: told, body }, { code: 'unknown_url', message: /\/problems lists/ });
    }
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bugReportUrl } from '../../../relay/cli/bug-report.ts';
import { reportProblem } from '../../../relay/cli/report.ts';
import { Problem } from '../../../shared/problems/problem.ts';

const SURROUNDINGS = { version: '0.1.0', node: 'v24.1.0', platform: 'linux', arch: 'x64' };

test('a report of a fault is filled in with our own names alone', () => {
  const fault = new TypeError('cannot read "my prompt" of sk-secret');
  fault.stack = `TypeError: cannot read "my prompt"\n    at ask (file:///home/alice/sparewatt/relay/cli/client/ask-chat.ts:40:7)`;
  const url = new URL(bugReportUrl(fault, { ...SURROUNDINGS, argv: ['chat', 'my prompt', '--api-key', 'sk-secret'] }));
  assert.equal(`${url.origin}${url.pathname}`, 'https://github.com/sparewatt/sparewatt/issues/new');
  assert.equal(url.searchParams.get('title'), 'sparewatt chat: TypeError at relay/cli/client/ask-chat.ts:40');
  const body = url.searchParams.get('body') ?? '';
  for (const fact of ['Version: 0.1.0', 'Node: v24.1.0', 'System: linux x64', 'Command: sparewatt chat']) {
    assert.ok(body.includes(fact), fact);
  }
  assert.doesNotMatch(url.href, /alice|secret|prompt/);
  const elsewhere = bugReportUrl(new Error('x'), { ...SURROUNDINGS, argv: ['/home/alice/notes.txt'] });
  assert.doesNotMatch(elsewhere, /alice/);
});

test('a fault ends with the link, and a refusal does not', (t) => {
  const written: string[] = [];
  t.mock.method(process.stderr, 'write', (text: string) => written.push(text) > 0);
  assert.equal(reportProblem(new Problem('invalid_option', 'This is wrong. Say it otherwise.')), 2);
  assert.doesNotMatch(written.join(''), /issues\/new/);
  assert.equal(reportProblem(new RangeError('odd')), 1);
  assert.match(written.at(-1) ?? '', /^This is a fault of Sparewatt\. Report it: https:\S+issues\/new\?\S+\n$/);
});

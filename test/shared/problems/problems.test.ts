import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryHeaders, toErrorBody } from '../../../shared/problems/http.ts';
import { fromProblemRecord, Problem, toProblem, toProblemRecord } from '../../../shared/problems/problem.ts';
import { isProblemCode, PROBLEMS, type ProblemCode } from '../../../shared/problems/table.ts';

const CODES = Object.keys(PROBLEMS) as ProblemCode[];
/** What OpenAI's clients turn into error classes of their own. */
const OPENAI_TYPES = [
  'invalid_request_error',
  'authentication_error',
  'permission_error',
  'rate_limit_error',
  'server_error',
];

for (const code of CODES) {
  test(`the problem ${code} is told in full, in both shapes`, () => {
    const kind = PROBLEMS[code];
    assert.match(code, /^[a-z]+(_[a-z]+)*$/);
    assert.match(kind.title, /^(?:[A-Z]|nats-server )[^.]*$/, 'a title is a short sentence without a full stop');
    assert.ok(kind.status >= 400 && kind.status < 600);
    assert.ok(['never', 'later', 'elsewhere'].includes(kind.retry));
    assert.ok(OPENAI_TYPES.includes(kind.type), kind.type);
    const body = toErrorBody(new Problem(code, 'What happened. What to do.', { param: 'a.b' }), 'req_1');
    assert.deepEqual(body, {
      type: `/problems/${code}`,
      title: kind.title,
      status: kind.status,
      detail: 'What happened. What to do.',
      code,
      request_id: 'req_1',
      error: { message: 'What happened. What to do.', type: kind.type, code, param: 'a.b' },
    });
  });
}

test('a code, its status and the class that clients know it by agree', () => {
  for (const code of CODES) {
    const { status, type, retry } = PROBLEMS[code];
    if (type === 'authentication_error') assert.equal(status, 401, code);
    if (type === 'permission_error') assert.equal(status, 403, code);
    if (type === 'rate_limit_error') assert.equal(status, 429, code);
    if (type === 'invalid_request_error') assert.ok(status < 500, code);
    if (type === 'server_error' && retry !== 'elsewhere') assert.ok(status >= 500, code);
    if (status === 400 || status === 401 || status === 403 || status === 404) assert.equal(retry, 'never', code);
  }
});

test('a body without a parameter or a request id says so as OpenAI and RFC 9457 do', () => {
  const body = toErrorBody(new Problem('invalid_json', 'The body is not JSON.'));
  assert.equal(body.error.param, null);
  assert.ok(!('request_id' in body));
});

test('headers tell whether and when to try again', () => {
  const headersOf = (code: ProblemCode, retryAfterMs?: number) =>
    retryHeaders(new Problem(code, 'x', retryAfterMs === undefined ? {} : { retryAfterMs }));
  for (const code of CODES) {
    assert.deepEqual(headersOf(code), { 'x-should-retry': PROBLEMS[code].retry === 'never' ? 'false' : 'true' });
  }
  assert.deepEqual(headersOf('queue_full', 1_000), {
    'x-should-retry': 'true',
    'retry-after': '1',
    'retry-after-ms': '1000',
  });
  assert.deepEqual(headersOf('queue_full', 1_000.5), {
    'x-should-retry': 'true',
    'retry-after': '2',
    'retry-after-ms': '1001',
  });
  assert.equal(headersOf('queue_full', 1)['retry-after'], '1', 'nought would mean at once');
});

test('a problem survives its way through a message', () => {
  for (const code of CODES) {
    const problem = new Problem(code, 'A sentence.', { param: 'p', cause: new Error('inside'), retryAfterMs: 5 });
    const record = toProblemRecord(problem);
    assert.deepEqual(record, { code, detail: 'A sentence.', param: 'p' });
    const read = fromProblemRecord(record);
    assert.equal(read.code, code);
    assert.equal(read.message, 'A sentence.');
    assert.equal(read.param, 'p');
    assert.equal(read.retry, PROBLEMS[code].retry);
  }
});

test('a code of a later version is a fault of the node, and names of objects are no codes', () => {
  assert.equal(fromProblemRecord({ code: 'novelty', detail: 'x' }).code, 'node_fault');
  for (const name of ['constructor', 'toString', '__proto__', '', null, 1]) assert.equal(isProblemCode(name), false);
  assert.equal(fromProblemRecord({ code: 'constructor', detail: 'x' }).code, 'node_fault');
});

test('a fault becomes a problem that gives nothing of its inside away', () => {
  const fault = new Error('secret of the inside');
  const problem = toProblem(fault, 'node_fault');
  assert.equal(problem.code, 'node_fault');
  assert.equal(problem.cause, fault);
  assert.ok(!problem.message.includes('secret'));
  const refusal = new Problem('node_busy', 'Full.');
  assert.equal(toProblem(refusal), refusal);
  assert.equal(toProblem('thrown text').code, 'internal');
});

test('of a sentence that quotes something long the beginning is told', () => {
  const { message } = new Problem('invalid_value', `There is no model "${'😀'.repeat(5_000)}".`);
  assert.equal(message.length, 1_000);
  assert.ok(message.startsWith('There is no model "😀😀') && message.endsWith('…') && message.isWellFormed());
});

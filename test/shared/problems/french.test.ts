import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { frenchProblem, PROBLEMS_OF_OTHERS } from '../../../shared/problems/french.ts';
import { PROBLEMS, type ProblemCode } from '../../../shared/problems/table.ts';
import { ROOT } from '../../support/command.ts';

const MET = (Object.keys(PROBLEMS) as ProblemCode[]).filter(
  (code) => !PROBLEMS_OF_OTHERS.some((each) => each === code),
);

/** What runs when a person presses something in the window or the tab, and what a relay answers to the node behind it. */
const REACHED = [
  'main/{autostart,boot,ipc,ledger,links,logs,node,power,presence,settings,tray,updates,windows}/**/*.ts',
  'main/headless/models/*.ts',
  'main/headless/{node-key,node-tls,relay-memory,relay-pins,secret-box}.ts',
  'renderer/{join,ui,qr,inference}/**/*.{ts,tsx}',
  'shared/downloads/*.ts',
  'shared/agent/{pair,enroll,admittance,agent,relay-conversation,relay-http,relay-tls,nats-connection}.ts',
  'shared/{identity,ipc,preferences,policy,protocol}/**/*.ts',
  'relay/pairing/*.ts',
  'relay/routes/{nodes/enroll,nodes/pairing,files/model-files,http/draining,http/broken-request,http/errors}.ts',
];
/** An operator's own routes and keys. */
const NOT_REACHED = new Set(['pairing_code_not_found', 'node_not_found', 'node_connected']);

test('whatever the app or a tab throws or is answered has a French sentence', () => {
  const files = REACHED.flatMap((pattern) => {
    const found = globSync(pattern, { cwd: ROOT });
    assert.ok(found.length > 0, `${pattern} names no file`);
    return found;
  });
  const thrown = new Set<string>();
  for (const file of files) {
    const source = readFileSync(join(ROOT, file), 'utf8');
    for (const [, code = ''] of source.matchAll(/(?:new Problem\(|toProblem\([^()]*,)\s*'([a-z_]+)'/g))
      thrown.add(code);
  }
  assert.ok(thrown.size > 20, 'problems are made otherwise now, and this test finds none');
  const others: ReadonlySet<string> = new Set(PROBLEMS_OF_OTHERS);
  assert.deepEqual(
    [...thrown].filter((code) => others.has(code) && !NOT_REACHED.has(code)),
    [],
  );
});

test('every problem that a person can meet is said in French, in whole sentences', () => {
  for (const code of MET) {
    const sentence = frenchProblem({ code, message: 'Something. Do it.' });
    assert.match(sentence, /^[A-ZÀÉ].*[.]$/, code);
    assert.doesNotMatch(sentence, /Something/, code);
  }
});

test('words that name a model, an address or a size are kept, and a sentence without data is not repeated', () => {
  const message = "huggingface.co does not let us download 'acme/none': it is private.";
  const told = frenchProblem({ code: 'model_download_failed', message });
  assert.ok(told.startsWith('Le modèle n’a pas pu être téléchargé.') && told.endsWith(message), told);
  assert.doesNotMatch(frenchProblem({ code: 'relay_unreachable', message: 'It did not answer.' }), /Détail/);
  assert.doesNotMatch(frenchProblem({ code: 'invalid_option', message: 'One looks like K7QF-2M9X.' }), /Détail/);
});

test('a problem that nobody has put into French keeps its own words', () => {
  for (const code of ['constructor', 'unknown_to_us', ...PROBLEMS_OF_OTHERS]) {
    assert.equal(frenchProblem({ code, message: 'Odd.' }), 'Odd.');
  }
});

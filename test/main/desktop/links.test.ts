import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { linkAmong, parsePairLink } from '../../../main/links/pair-link.ts';
import { createPairingDesk } from '../../../main/links/pairing-desk.ts';
import { createNKey } from '../../../relay/fabric/bus/nkey.ts';
import { pairingLink } from '../../../shared/identity/pairing-link.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { startDesktop } from '../../support/desktop/desktop.ts';
import { doubleEvent } from '../../support/desktop/electron-double/windows.ts';
import { collectLog } from '../../support/log.ts';
import { isProblem } from '../../support/problems.ts';
import { until } from '../../support/until.ts';

const relayKey = createNKey('server').publicKey;
const CODE = 'K7QF-2M9X-HB4T';
const INVITATION = { relayUrl: 'https://relay.example', code: CODE, relayKey };
const LINK = pairingLink(INVITATION);

test('reads the link that a relay writes', () => {
  assert.deepEqual(parsePairLink(LINK), INVITATION);
  const authority = 'a'.repeat(43);
  assert.deepEqual(parsePairLink(pairingLink({ ...INVITATION, authority })), { ...INVITATION, authority });
});

const hostile: [name: string, link: string][] = [
  ['another scheme', LINK.replace('sparewatt:', 'https:')],
  ['another place', LINK.replace('//pair', '//pay')],
  ['a path', LINK.replace('pair?', 'pair/../x?')],
  ['a user', LINK.replace('//pair', '//a:b@pair')],
  ['a fragment', `${LINK}#x`],
  ['something unknown', `${LINK}&run=calc.exe`],
  ['a second relay', `${LINK}&relay=https%3A%2F%2Fevil.example`],
  ['a second code', `${LINK}&code=${CODE}`],
  ['no code', LINK.replace(/code=[^&]+&/, '')],
  ['no key', LINK.replace(/&key=.+$/, '')],
  ['a key that is none', LINK.replace(/key=.+$/, `key=N${'A'.repeat(55)}`)],
  ['a relay with a path', LINK.replace('relay.example', 'relay.example%2Fevil')],
  ['a relay with a login', LINK.replace('relay.example', 'a%3Ab%40relay.example')],
  ['a relay that is a file', LINK.replace('https%3A', 'file%3A')],
  ['a line break', LINK.replace('pair?', 'pair?\n')],
  ['letters that look like others', LINK.replace('relay.example', 'reläy.example')],
  ['much more than a link', `${LINK}${'A'.repeat(2_000)}`],
];
for (const [name, link] of hostile) {
  test(`refuses a link with ${name}, without repeating it`, () => {
    assert.throws(() => parsePairLink(link), isProblem('invalid_option', /^(?!.*(evil|calc|relay\.example)).+$/));
  });
}

test('refuses whatever else is thrown at it with a problem', () => {
  const noise = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }).map((text) => `sparewatt://pair?${text}`),
  );
  const oneChange = fc
    .tuple(fc.nat(LINK.length), fc.string({ maxLength: 3 }))
    .map(([at, text]) => LINK.slice(0, at) + text + LINK.slice(at + 1));
  fc.assert(
    fc.property(fc.oneof(noise, oneChange), (text) => {
      try {
        const { relayUrl } = parsePairLink(text);
        assert.equal(new URL(relayUrl).origin, relayUrl);
      } catch (error) {
        assert.ok(error instanceof Problem, String(error));
      }
    }),
  );
});

test('takes a link from arguments only when there is one', () => {
  assert.equal(linkAmong(['sparewatt', '--hidden', LINK]), LINK);
  assert.equal(linkAmong(['sparewatt']), undefined);
  assert.equal(linkAmong([LINK, LINK]), undefined);
});

function openDesk(pressed: number) {
  const boxes: { message: string; detail?: string; defaultId?: number; cancelId?: number; buttons?: string[] }[] = [];
  const paired: string[] = [];
  const log = collectLog();
  const desk = createPairingDesk({
    dialog: {
      showMessageBox: async (box) => {
        boxes.push(box);
        return { response: pressed, checkboxChecked: false };
      },
    },
    pair: async ({ relayUrl }) => void paired.push(relayUrl),
    language: () => 'en',
    log,
  });
  return { desk, boxes, paired, log };
}

test('pairs only when a person says so, and Enter and Escape say no', async () => {
  const no = openDesk(0);
  assert.equal(await no.desk.take(LINK), 'declined');
  assert.deepEqual(no.paired, []);
  const [box] = no.boxes;
  assert.match(box?.message ?? '', /https:\/\/relay\.example/);
  assert.ok(box?.detail?.includes(relayKey.slice(0, 12)));
  assert.equal(box?.buttons?.[box.defaultId ?? -1], 'Do not pair');
  assert.equal(box?.cancelId, box?.defaultId);
  const yes = openDesk(1);
  assert.equal(await yes.desk.take(LINK), 'paired');
  assert.deepEqual(yes.paired, ['https://relay.example']);
});

test('asks one question at a time, and logs no part of a link', async () => {
  const { desk, boxes, log } = openDesk(0);
  const first = desk.take(LINK);
  assert.equal(await desk.take(LINK), 'refused');
  await first;
  assert.equal(boxes.length, 1);
  assert.equal(await desk.take('sparewatt://pair?relay=evil'), 'refused');
  assert.match(boxes[1]?.message ?? '', /was not paired/);
  assert.ok(log.lines.every((line) => !/K7QF|evil|relay\.example/.test(line)));
});

test('links arrive by start, by a second instance and by macOS, and each is asked about', async (t) => {
  const cold = await startDesktop(t, { argv: ['sparewatt', LINK] });
  await until(() => cold.hands.boxes.length === 1);
  const { hands } = await startDesktop(t);
  hands.emitApp('second-instance', doubleEvent(), ['sparewatt', '--flag', LINK], '/', undefined);
  await until(() => hands.boxes.length === 1);
  const event = doubleEvent();
  hands.emitApp('open-url', event, LINK);
  await until(() => hands.boxes.length === 2);
  assert.equal(event.defaultPrevented, true);
  assert.ok(hands.boxes.every(({ message }) => message.includes('https://relay.example')));
  assert.deepEqual(
    hands.calls.filter((call) => call.startsWith('protocol')),
    [],
    'a checkout takes over no scheme',
  );
  const packaged = await startDesktop(t, { double: { isPackaged: true } });
  assert.ok(packaged.hands.calls.includes('protocol sparewatt'));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Problem } from '../../../shared/problems/problem.ts';
import { encodeJson, messageReader } from '../../../shared/protocol/codec.ts';
import { holdsHalfCharacter } from '../../../shared/protocol/half-characters.ts';
import { CancelRequest, Frame, Heartbeat, JobRequest, OpenSession } from '../../../shared/protocol/messages.ts';
import { isProblem } from '../../support/problems.ts';

const READERS = {
  heartbeat: messageReader(Heartbeat, 'heartbeat'),
  offer: messageReader(OpenSession, 'session offer'),
  request: messageReader(JobRequest, 'job request'),
  cancel: messageReader(CancelRequest, 'cancel request'),
  frame: messageReader(Frame, 'frame'),
};

test('[R5] whatever bytes come, a reader returns a message or says protocol_violation without quoting them', () => {
  const word = 'secretword';
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.jsonValue().map(encodeJson),
    fc.jsonValue().map((value) => encodeJson({ type: 'text', epoch: 1, seq: 0, [word]: value })),
    fc.string().map((text) => new TextEncoder().encode(`{"${word}": ${text}`)),
  );
  fc.assert(
    fc.property(bytes, (data) => {
      for (const read of Object.values(READERS)) {
        try {
          read(data);
        } catch (error) {
          const problem = error as Problem;
          assert.equal(problem.code, 'protocol_violation');
          assert.ok(!problem.message.includes(word));
          assert.equal(problem.cause, undefined, 'a cause would quote the body in a log');
        }
      }
    }),
    { seed: 4, numRuns: 500 },
  );
});

test('names the place where a message is wrong', () => {
  const beat = { instance: 'instance-1', epoch: 0, revision: 0, slots: { total: 1, used: -1 } };
  assert.throws(() => READERS.heartbeat(encodeJson(beat)), /This is not a heartbeat at \/slots\/used: must be >= 0/);
  assert.throws(() => READERS.heartbeat(encodeJson(3)), /This is not a heartbeat at \/: must be object/);
  const long = { ...beat, slots: { total: 1, used: 0 }, in_use: { ['m'.repeat(256)]: -1 } };
  assert.throws(
    () => READERS.heartbeat(encodeJson(long)),
    ({ message }: Error) => message.length < 300,
  );
});

test('members that a later version adds are no reason to refuse', () => {
  const beat = { instance: 'instance-1', epoch: 0, revision: 0, slots: { total: 1, used: 0, more: 1 }, mood: 'good' };
  assert.equal(READERS.heartbeat(encodeJson(beat)).epoch, 0);
});

test('[J8] text goes through as it is, with characters of every length', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const frame = READERS.frame(encodeJson({ type: 'text', epoch: 1, seq: 0, text, tokens: 1 }));
      assert.equal(frame.type === 'text' && frame.text, text);
    }),
    { seed: 6 },
  );
});

test('[J8] a message with half of a character is none, whoever wrote it down and how', () => {
  const messageOf = (escaped: string) => new TextEncoder().encode(`{"job":"${escaped}","attempt":1,"epoch":1}`);
  for (const half of [
    '\\ud800',
    '\\uDFFF',
    'a\\ud83d',
    '\\ude00\\ud83d',
    '\\\\\\ud800',
    '\\ud83dx\\ude00',
    '\\ud83d\\n',
  ]) {
    assert.throws(() => READERS.cancel(messageOf(half)), isProblem('protocol_violation', /half of a character/), half);
  }
  for (const whole of [
    '\\ud83d\\ude00',
    '\\uD83D\\uDE00',
    '\\\\ud800',
    '\\u00e9',
    '\\\\\\\\ud800',
    '😀',
    // Python writes every letter so, Korean ones too, which begin like the halves; and what is escaped otherwise goes on as it likes.
    '\\ud55c\\uad6d \\ud83d\\ude00',
    '\\ud83d\\ude00\\nddata',
  ]) {
    assert.equal(READERS.cancel(messageOf(whole)).job, JSON.parse(`"${whole}"`));
  }
  const text = fc.string({ unit: 'binary', maxLength: 8 });
  fc.assert(
    fc.property(text, (job) => {
      const json = JSON.stringify({ job });
      assert.equal(holdsHalfCharacter(json), !job.isWellFormed());
      const all = json.replace(/[\ud800-\udfff]/g, (half) => `\\u${half.charCodeAt(0).toString(16)}`);
      assert.equal(holdsHalfCharacter(all), !job.isWellFormed());
    }),
  );
});

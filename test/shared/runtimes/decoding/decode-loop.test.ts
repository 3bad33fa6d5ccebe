import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createDecodeLoop,
  type DecodeLoopOptions,
} from '../../../../shared/runtimes/transformers/decoding/decode-loop.ts';
import type { GenerateOptions, RowOptions } from '../../../../shared/runtimes/transformers/decoding/decode-request.ts';
import type { Decoder, DecoderPass } from '../../../../shared/runtimes/transformers/decoding/decoder.ts';
import { createKvStore, type KvCache } from '../../../../shared/runtimes/transformers/decoding/kv-cache.ts';
import { NAME, session, summingDecoder, TOKENS } from './summing-decoder.ts';

function loopOf(decoder: Decoder, more: Partial<DecodeLoopOptions> = {}) {
  const prefixes = createKvStore(session, 1_000_000);
  const loop = createDecodeLoop({
    decoder,
    prefixes,
    budgetBytes: 1_000_000,
    areRowsIndependent: true,
    breathe: null,
    ...more,
  });
  return { loop, prefixes };
}

function row(made: number[], more: Partial<RowOptions> = {}): RowOptions {
  return { maxNewTokens: 10, choose: null, onToken: (id) => void made.push(id), shouldStop: () => false, ...more };
}

const asked = (...rows: RowOptions[]): GenerateOptions => ({ scope: null, session: null, isSeeded: false, rows });

function sums(prompt: readonly number[], count: number): number[] {
  const ids = [...prompt];
  for (let made = 0; made < count; made++) ids.push(ids.reduce((sum, id) => sum + id, 0) % TOKENS);
  return ids.slice(prompt.length);
}

for (const pads of ['before', 'behind'] as const)
  test(`decodes what comes together in one pass, padded ${pads} the tokens, and each leaves at its own end`, async () => {
    const rows: number[] = [];
    const { loop } = loopOf(summingDecoder(({ tokens }) => void rows.push(tokens.length), pads));
    const prompts = [[1], [2, 3, 4], [5, 6], [7, 8, 9, 10]];
    const answers: number[][] = prompts.map(() => []);
    const lengths = [12, 5, 9, 20];
    await Promise.all(
      prompts.map((ids, at) => loop.generate(ids, asked(row(answers[at] ?? [], { maxNewTokens: lengths[at] ?? 0 })))),
    );
    for (const [at, ids] of prompts.entries()) assert.deepEqual(answers[at], sums(ids, lengths[at] ?? 0));
    assert.ok(rows.includes(4), `passes of ${rows.join()}`);
    assert.equal(rows.at(-1), 1);
  });

test('gives back the memory of a cache with the pass that goes on from it, unless others have it too', async () => {
  const met: KvCache[] = [];
  const { loop } = loopOf(summingDecoder(({ cache }) => void met.push(cache)));
  const prompt = Array.from({ length: 300 }, (_, at) => at);
  const inScope = { ...asked(row([])), scope: 'client' };
  const bytesOf = (cache: KvCache | undefined): number =>
    (cache?.tensors[NAME]?.data as Float32Array | undefined)?.byteLength ?? 0;

  assert.equal(await loop.generate(prompt, inScope), 0);
  const [, first, second, ofPrompt, ...ofTokens] = met;
  for (const cache of [first, second, ...ofTokens.slice(0, -1)]) assert.equal(bytesOf(cache), 0);
  assert.ok(bytesOf(ofPrompt) > 0, 'a prompt may have several answers');

  const again = async (ids: number[]): Promise<number> => {
    met.length = 0;
    const answer: number[] = [];
    const known = await loop.generate(ids, { ...asked(row(answer)), scope: 'client' });
    assert.deepEqual(answer, sums(ids, 10), 'what is known already is not read twice');
    return known;
  };
  assert.equal(await again([...prompt, ...sums(prompt, 9), 7, 8, 9]), 309);
  assert.equal(bytesOf(met[0]), 4 * 309, 'what is kept may serve others');
  assert.equal(await again([...prompt.slice(0, 200), 7, 8, 9]), 200);
  assert.deepEqual([met[0]?.columns, bytesOf(met[0])], [200, 0]);
});

test('reads a prompt once for all of its answers', async () => {
  let read = 0;
  const { loop } = loopOf(
    summingDecoder(({ tokens, cache }) => {
      if (cache.columns === 0 && (tokens[0]?.length ?? 0) === 40) read++;
    }),
  );
  const answers: number[][] = [[], [], []];
  const prompt = Array.from({ length: 40 }, (_, at) => at);
  await loop.generate(prompt, asked(...answers.map((made) => row(made))));
  assert.deepEqual(
    answers,
    [0, 1, 2].map(() => sums(prompt, 10)),
  );
  assert.equal(read, 1);
});

test('reads the first token of a prompt alone where rows of a pass are scaled together, and no other', async () => {
  const lengthsOf = async (more: Partial<DecodeLoopOptions>): Promise<number[]> => {
    const lengths: number[] = [];
    const { loop } = loopOf(
      summingDecoder(({ tokens }) => void lengths.push(tokens[0]?.length ?? 0)),
      more,
    );
    const prompt = Array.from({ length: 200 }, (_, at) => at);
    const answers: number[][] = [[], []];
    const inScope = (made: number[]) => ({ ...asked(row(made, { maxNewTokens: 1 })), scope: 'client' });
    await loop.generate(prompt, inScope(answers[0] ?? []));
    await loop.generate([...prompt, 5, 6, 7], inScope(answers[1] ?? []));
    assert.deepEqual(answers, [sums(prompt, 1), sums([...prompt, 5, 6, 7], 1)]);
    return lengths;
  };
  assert.deepEqual(await lengthsOf({ areRowsIndependent: false }), [1, 128, 71, 3]);
  assert.deepEqual(await lengthsOf({ areRowsIndependent: true }), [128, 72, 3]);
});

test('what one answer makes of the scores of its prompt is nothing to the others', async () => {
  const { loop } = loopOf(summingDecoder());
  const answers: number[][] = [[], []];
  const spoil = (scores: Float32Array): number => scores.fill(0).length - 1;
  await loop.generate([5], asked(row([], { choose: spoil }), ...answers.map((made) => row(made))));
  for (const made of answers) assert.deepEqual(made, sums([5], 10));
});

test('shares no pass where a model does not pad as it says, nor with a seed where rows change one another', async () => {
  for (const [decoder, more, isSeeded] of [
    [(before: (pass: DecoderPass) => void) => summingDecoder(before, null), {}, false] as const,
    [(before: (pass: DecoderPass) => void) => summingDecoder(before), { areRowsIndependent: false }, true] as const,
  ]) {
    let widest = 0;
    const { loop } = loopOf(
      // What is read to find out how the model pads is shorter.
      decoder(({ tokens, cache }) => {
        if (cache.columns >= 24) widest = Math.max(widest, tokens.length);
      }),
      more,
    );
    const answers: number[][] = [[], []];
    const prompts = [24, 40].map((length) => Array.from({ length }, (_, at) => at));
    await Promise.all(prompts.map((ids, at) => loop.generate(ids, { ...asked(row(answers[at] ?? [])), isSeeded })));
    for (const [at, ids] of prompts.entries()) assert.deepEqual(answers[at], sums(ids, 10));
    assert.equal(widest, 1);
  }
});

test('goes on with the others while a long prompt is read', async () => {
  const order: string[] = [];
  const { loop } = loopOf(
    summingDecoder(({ tokens }) => void order.push((tokens[0]?.length ?? 0) > 1 ? 'piece' : 'token')),
  );
  const running = loop.generate([1, 2], asked(row([], { maxNewTokens: 30 })));
  const long = loop.generate(new Array<number>(1_280).fill(1), asked(row([])));
  await Promise.all([running, long]);
  assert.match(order.join(' '), /(piece token ){9}piece/);
});

test('repeats a pass that failed for each of its rows alone', async () => {
  const { loop } = loopOf(
    summingDecoder(({ tokens }) => {
      if (tokens.length > 2 || tokens.flat().includes(48)) throw new Error('too much');
    }),
  );
  const answers: number[][] = [[], [], []];
  // 16 and 32 make 48, which fails alone as well.
  const prompts = [
    [1, 4],
    [16, 32],
    [3, 5],
  ];
  const results = await Promise.allSettled(prompts.map((ids, at) => loop.generate(ids, asked(row(answers[at] ?? [])))));
  assert.deepEqual(
    results.map((result) => result.status === 'rejected' && String(result.reason)),
    [false, 'Error: too much', false],
  );
  for (const at of [0, 2]) assert.deepEqual(answers[at], sums(prompts[at] ?? [], 10));
});

test('a prompt that cannot be read fails alone, with the words of the pass', async () => {
  const { loop } = loopOf(
    summingDecoder(({ tokens }) => {
      if (tokens[0]?.[0] === 7) throw new Error('not this');
    }),
  );
  const made: number[] = [];
  const failed = loop.generate([7, 7], asked(row([])));
  await Promise.all([assert.rejects(failed, /not this/), loop.generate([1, 2], asked(row(made)))]);
  assert.deepEqual(made, sums([1, 2], 10));
});

test('holds no more memory than its budget, for what runs and what is kept together', async () => {
  const budgetBytes = 4 * 200;
  let widest = 0;
  let kept = (): number => 0;
  const { loop, prefixes } = loopOf(
    summingDecoder(({ tokens, cache }) => {
      widest = Math.max(widest, tokens.length * (cache.columns + 1) * 4 + kept());
    }),
    { budgetBytes },
  );
  kept = prefixes.usedBytes;
  const answers: number[][] = Array.from({ length: 12 }, () => []);
  const prompts = answers.map((_, at) => Array.from({ length: 20 + at }, (_, id) => id + at));
  const inScope = (at: number) => ({
    ...asked(row(answers[at] ?? [], { maxNewTokens: 30 })),
    scope: `client ${at % 3}`,
  });
  await Promise.all(prompts.map((ids, at) => loop.generate(ids, inScope(at))));
  for (const [at, ids] of prompts.entries()) assert.deepEqual(answers[at], sums(ids, 30));
  assert.ok(widest <= budgetBytes, `${widest} bytes`);
  assert.ok(prefixes.usedBytes() > 0);
});

test('what was read of a conversation serves its next turn also where both together are more than may be held', async () => {
  const lengths: number[] = [];
  const { loop } = loopOf(
    summingDecoder(({ tokens }) => void lengths.push(tokens[0]?.length ?? 0)),
    { budgetBytes: 4 * 200 },
  );
  const inScope = { ...asked(row([], { maxNewTokens: 2 })), scope: 'client' };
  const conversation = Array.from({ length: 120 }, (_, at) => at);
  await loop.generate(conversation, inScope);
  lengths.length = 0;
  await loop.generate([...conversation, ...sums(conversation, 2), 7, 8], inScope);
  assert.ok(Math.max(...lengths) <= 4, `passes of ${lengths.join()}`);
});

test('answers begin beside others only where the longest that they may become fit beside them', async () => {
  const { loop } = loopOf(summingDecoder(), { budgetBytes: 4 * 200 });
  const running = new Set<number>();
  let most = 0;
  const ask = async (length: number): Promise<void> => {
    const onToken = (): void => {
      running.add(length);
      most = Math.max(
        most,
        [...running].reduce((sum, prompt) => sum + prompt + 30, 0),
      );
    };
    const ids = Array.from({ length }, () => 1);
    await loop.generate(ids, asked({ ...row([]), maxNewTokens: 30, onToken })).finally(() => running.delete(length));
  };
  await Promise.all(Array.from({ length: 9 }, (_, at) => ask(20 + at)));
  assert.ok(most > 100 && most <= 200, `${most} tokens`);
});

test('one that needs more memory than there is runs alone', { timeout: 20_000 }, async (t) => {
  // Rounds without an end would let no timer of this test come to its turn.
  const breathe = () => new Promise<void>(setImmediate);
  const { loop } = loopOf(summingDecoder(), { budgetBytes: 4 * 20, breathe });
  t.after(loop.close);
  const answers: number[][] = [[], []];
  await Promise.all(answers.map((made) => loop.generate([1, 2, 3], asked(row(made, { maxNewTokens: 30 })))));
  for (const made of answers) assert.deepEqual(made, sums([1, 2, 3], 30));
});

test('what nobody wants any more while it waits ends at once and is never read, unless another answer is wanted', async () => {
  const read: number[] = [];
  const { loop } = loopOf(
    summingDecoder(({ tokens, cache }) => void (cache.columns === 0 && read.push(tokens[0]?.[0] ?? 0))),
    { budgetBytes: 4 * 30 },
  );
  const order: string[] = [];
  const first = loop.generate([1], asked(row([], { maxNewTokens: 25 }))).then(() => order.push('first'));
  const stopped = row([], { shouldStop: () => true });
  const unwanted = loop.generate([2], asked(stopped, stopped)).then(() => order.push('unwanted'));
  const wanted: number[] = [];
  const half = loop.generate([3], asked(row(wanted), stopped)).then(() => order.push('half'));
  await Promise.all([first, unwanted, half]);
  assert.deepEqual(order, ['unwanted', 'first', 'half']);
  assert.deepEqual([read, wanted], [[1, 3], sums([3], 10)]);
});

test('rejects what is unfinished when it closes', async () => {
  const { loop } = loopOf(summingDecoder());
  const running = loop.generate([1], asked(row([], { maxNewTokens: 1_000_000 })));
  const reading = loop.generate(new Array<number>(1_000).fill(1), asked(row([])));
  const both = [running, reading].map((one) => assert.rejects(one, /out of memory/));
  await Promise.all([...both, loop.close()]);
  await assert.rejects(loop.generate([1], asked(row([]))), /out of memory/);
});

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { filesInFolder } from '../../../../main/headless/inference/folder-files.ts';
import { createTaskEngine } from '../../../../shared/runtimes/transformers/tasks/task-engine.ts';
import { readTaskKind, type TaskKind } from '../../../../shared/runtimes/transformers/tasks/task-kinds.ts';
import { loadTaskModel, type TaskModel } from '../../../../shared/runtimes/transformers/tasks/task-model.ts';
import { writeMarian } from '../../../support/models/marian-model.ts';
import {
  type BackwardsOptions,
  writeBackwardsTranslator,
} from '../../../support/models/task-models/backwards-translator.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

type Asked = { task?: string; max_tokens?: number; interrupted?: () => boolean };
type Wait = (ms: number) => Promise<void>;

const NUMBERS = { eins: 'one', zwei: 'two', drei: 'three', stop: 'unwritable' };
/** Rows of made-up texts whose scores are compared, before a model is first shared. */
const PROBE = [1, 1, 1, 1, 1, 1, 2, 2, 2];

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A model in memory: what it answers, and how many rows each of its passes had. */
async function openModel(t: TestContext, folder: string, wait: Wait = turn) {
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
  let runs = 0;
  let isRunning = false;
  const pace = {
    async pass<Value>(run: () => Promise<Value>) {
      runs += 1;
      assert.ok(!isRunning, 'two passes at once');
      isRunning = true;
      return await run().finally(() => {
        isRunning = false;
      });
    },
    restAfter: () => undefined,
    now: () => 0,
  };
  const options = { dtype: 'fp32', device: 'cpu', threads: 1, pace };
  const loaded = await loadTaskModel(filesInFolder(folder), options, readTaskKind(config) as TaskKind, config, 4_000);
  t.after(() => loaded.dispose());
  const widths: number[] = [];
  let breaths = 0;
  let onPass = (): void => undefined;
  const model = watched(loaded, {
    async breathe() {
      breaths += 1;
    },
    onPass(rows) {
      widths.push(rows);
      onPass();
    },
  });
  const run = createTaskEngine(model, { wait });
  const ask = async (text: string | string[], { interrupted = () => false, ...rest }: Asked = {}) => {
    const input = { task: 'translation', text, ...rest };
    return (await run({ type: 'task', model: 'test', input }, interrupted)).output as { text: string };
  };
  /** Of what `work` does: session runs, breaths between passes, and rows of each pass. */
  const count = async (work: () => Promise<unknown>) => {
    runs = 0;
    breaths = 0;
    widths.length = 0;
    await work();
    return { runs, breaths, widths: [...widths] };
  };
  const onEachPass = (heard: () => void): void => {
    onPass = heard;
  };
  return { ask, count, widths, onEachPass };
}

type Watching = { breathe(): Promise<void>; onPass(rows: number): void };

function watched(model: TaskModel, { breathe, onPass }: Watching): TaskModel {
  const { writing } = model;
  if (writing === undefined) return model;
  const graph: typeof writing.graph = {
    ...writing.graph,
    breathe,
    read(sources) {
      onPass(sources.length);
      return writing.graph.read(sources);
    },
    write(rows, tokens) {
      onPass(tokens.length);
      return writing.graph.write(rows, tokens);
    },
  };
  return { ...model, writing: { ...writing, graph } };
}

async function openBackwards(t: TestContext, options?: BackwardsOptions, wait?: Wait) {
  return openModel(t, await writeBackwardsTranslator(temporaryFolder(t), 'test/t5', NUMBERS, options), wait);
}

async function openMarian(t: TestContext, options?: Parameters<typeof writeMarian>[2]) {
  return openModel(t, await writeMarian(temporaryFolder(t), 'test/marian', options));
}

test('texts of unequal length that are asked for at once share passes, and each is what it is alone', async (t) => {
  for (const seed of [1, 2, 3]) {
    const { ask, count } = await openMarian(t, { seed });
    const texts = ['hello there', 'a', 'the quick brown fox jumps over', 'four', 'abcdefghij'];
    const alone: unknown[] = [];
    const oneByOne = await count(async () => {
      for (const text of texts) alone.push(await ask(text, { max_tokens: 20 }));
    });
    const both = (): Promise<unknown> => Promise.all(texts.map((text) => ask(text, { max_tokens: 20 })));
    assert.deepEqual(await both(), alone);
    const atOnce = await count(async () => assert.deepEqual(await both(), alone));
    assert.equal(atOnce.widths[0], texts.length);
    assert.equal(atOnce.breaths, atOnce.runs);
    assert.ok(atOnce.runs <= 21 && oneByOne.runs >= 3 * atOnce.runs, `${atOnce.runs} and ${oneByOne.runs} runs`);
  }
});

test('each text ends at its own end and leaves the passes to the others', async (t) => {
  const { ask, count } = await openBackwards(t);
  const ended: unknown[] = [];
  const texts = ['eins', 'zwei drei eins zwei', 'drei zwei'];
  const { widths } = await count(() => Promise.all(texts.map(async (text) => ended.push((await ask(text)).text))));
  assert.deepEqual(ended, ['one', 'two three', 'two one three two']);
  assert.deepEqual(widths, [...PROBE, 3, 3, 3, 2, 1, 1]);
});

test('each text has its own most tokens and its own task', async (t) => {
  const { ask, count } = await openBackwards(t);
  const { widths } = await count(async () => {
    const asked = [
      ask('eins zwei drei', { max_tokens: 1 }),
      ask('eins zwei drei', { max_tokens: 2, task: 'summarization' }),
      ask('eins zwei drei', { task: 'text2text-generation' }),
    ];
    assert.deepEqual(await Promise.all(asked), [{ text: 'three' }, { text: 'three two' }, { text: 'three two one' }]);
  });
  assert.deepEqual(widths, [...PROBE, 3, 3, 2, 1, 1]);
});

test('what the files of a model ask of each generation is done for each text', async (t) => {
  const generationConfig = { no_repeat_ngram_size: 2, forced_eos_token_id: 1, min_length: 9, num_beams: 4 };
  const { ask, widths } = await openMarian(t, { generationConfig });
  const texts = ['spare', 'a longer one', 'x', 'spare watts'];
  const alone: unknown[] = [];
  for (const [at, text] of texts.entries()) alone.push(await ask(text, { max_tokens: 12 + at }));
  assert.deepEqual(await Promise.all(texts.map((text, at) => ask(text, { max_tokens: 12 + at }))), alone);
  assert.ok(widths.includes(4));
});

test('the texts of a list share passes as well, and keep their order', async (t) => {
  const { ask, count } = await openBackwards(t);
  const { widths } = await count(async () => {
    const output: object = await ask(['zwei eins', 'drei', 'eins']);
    assert.deepEqual(output, { results: [{ text: 'one two' }, { text: 'three' }, { text: 'one' }] });
  });
  assert.deepEqual(widths, [...PROBE, 3, 3, 3, 1]);
});

test('one that is cancelled among others leaves before the next pass, and costs them nothing', async (t) => {
  const { ask, widths, onEachPass } = await openBackwards(t);
  let isCancelled = false;
  let passesAtEnd = 0;
  onEachPass(() => {
    // In its second step, after the probe, the source and the first step.
    isCancelled = widths.length === PROBE.length + 3;
  });
  const first = ask('eins eins eins eins', { interrupted: () => isCancelled }).then(({ text }) => {
    passesAtEnd = widths.length;
    return text;
  });
  const others = ['eins zwei drei', 'drei drei drei drei'].map((text) => ask(text));
  assert.equal(await first, 'one one');
  // The next pass may have begun, without it.
  assert.ok(passesAtEnd <= PROBE.length + 4, `after ${passesAtEnd} passes`);
  assert.deepEqual(await Promise.all(others), [{ text: 'three two one' }, { text: 'three three three three' }]);
  assert.deepEqual(widths.slice(PROBE.length), [3, 3, 3, 2, 2, 1]);
});

test('one that is cancelled while it waits for room is let go at the next pass', async (t) => {
  const { ask, widths, onEachPass } = await openMarian(t);
  let isCancelled = false;
  let isDone = false;
  onEachPass(() => {
    isCancelled ||= widths.length === PROBE.length + 3;
  });
  // Two of 4,010 tokens are as many as may run.
  const running = ['a long one', 'a long two'].map((text) =>
    ask(text, { max_tokens: 4_000, interrupted: () => isDone }),
  );
  const waits = await ask('no room', { max_tokens: 4_000, interrupted: () => isCancelled });
  assert.deepEqual(waits, {});
  assert.ok(widths.length <= PROBE.length + 4, `after ${widths.length} passes`);
  isDone = true;
  await Promise.all(running);
});

test('a text that cannot be read fails alone', async (t) => {
  const { ask, count } = await openBackwards(t);
  const { widths } = await count(async () => {
    const good = ['eins zwei', 'drei'].map((text) => ask(text));
    const bad = assert.rejects(ask('zwei unreadable eins'), /out of data bounds|out of bounds/);
    assert.deepEqual(await Promise.all(good), [{ text: 'two one' }, { text: 'three' }]);
    await bad;
  });
  assert.equal(widths[PROBE.length], 3);
});

test('a text that cannot be written to its end fails alone, and the others are written on', async (t) => {
  const { ask, count } = await openBackwards(t);
  const { widths } = await count(async () => {
    const good = ['eins zwei drei', 'drei zwei'].map((text) => ask(text));
    const bad = assert.rejects(ask('zwei stop eins'), /out of data bounds|out of bounds/);
    assert.deepEqual(await Promise.all(good), [{ text: 'three two one' }, { text: 'two three' }]);
    await bad;
  });
  // The third step of three rows fails, and is repeated for each alone.
  assert.deepEqual(widths.slice(PROBE.length, PROBE.length + 7), [3, 3, 3, 3, 1, 1, 1]);
});

test('a job that fails with one of its texts writes none of the others on', async (t) => {
  const { ask, widths } = await openBackwards(t);
  const long = new Array<string>(40).fill('eins').join(' ');
  await assert.rejects(ask(['zwei unreadable', ...new Array<string>(40).fill(long)]), /out of data bounds/);
  assert.deepEqual(await ask('eins'), { text: 'one' });
  // Each of the 32 that had begun alone has its source and one token, beside those of the text that was asked then.
  assert.ok(widths.length <= PROBE.length + 1 + 32 + 32 + 3, `${widths.length} passes`);
});

test('a wrong input among good ones is refused before anything is computed', async (t) => {
  const { ask } = await openBackwards(t);
  const bad = ask('eins', { max_tokens: 9_999 });
  const good = ask('zwei');
  await assert.rejects(bad, isProblem('invalid_value', /max_tokens/));
  assert.deepEqual(await good, { text: 'two' });
});

test('texts that may have more tokens than a pass may hold are written in several batches', async (t) => {
  const { ask, count } = await openBackwards(t);
  const texts = new Array<string>(8).fill('eins zwei');
  const { widths } = await count(async () => {
    const all = await Promise.all(texts.map((text) => ask(text, { max_tokens: 2_000 })));
    assert.deepEqual(new Set(all.map(({ text }) => text)), new Set(['two one']));
  });
  // Four of 2,003 are 8,012 of 8,192.
  assert.deepEqual(widths.slice(PROBE.length), [4, 4, 4, 4, 4, 4, 4, 4]);
});

test('who comes later shares with those who come then, and waits for nobody who writes on', async (t) => {
  const { ask, widths, onEachPass } = await openBackwards(t);
  await Promise.all([ask('eins'), ask('zwei')]);
  widths.length = 0;
  const ended: string[] = [];
  const tell = (text: string): Promise<unknown> => ask(text).then(() => ended.push(text));
  const later: Promise<unknown>[] = [];
  onEachPass(() => {
    if (widths.length === 3) for (const text of ['drei', 'zwei', 'eins']) later.push(tell(text));
  });
  const first = tell(new Array<string>(40).fill('eins').join(' '));
  await first;
  await Promise.all(later);
  assert.deepEqual(ended.slice(0, 3).sort(), ['drei', 'eins', 'zwei']);
  assert.equal(widths.filter((rows) => rows === 3).length, 3);
});

test('a text alone waits for the window once, and is not tried side by side with made-up ones', async (t) => {
  const windows: { ms: number; end: () => void }[] = [];
  const wait: Wait = (ms) => new Promise((end) => windows.push({ ms, end }));
  const { ask, widths } = await openBackwards(t, {}, wait);
  const answer = ask('eins');
  for (let turns = 0; turns < 20; turns++) await turn();
  assert.deepEqual([windows.map(({ ms }) => ms), widths], [[5], []]);
  windows[0]?.end();
  assert.deepEqual(await answer, { text: 'one' });
  assert.deepEqual([windows.length, widths], [1, [1, 1, 1]]);
});

test('texts that come within a window go together', async (t) => {
  let endWindow = (): void => undefined;
  const wait: Wait = () =>
    new Promise((end) => {
      endWindow = end;
    });
  const { ask, widths } = await openBackwards(t, {}, wait);
  const first = ask('eins');
  for (let turns = 0; turns < 20; turns++) await turn();
  const second = ask('zwei');
  endWindow();
  assert.deepEqual(await Promise.all([first, second]), [{ text: 'one' }, { text: 'two' }]);
  assert.deepEqual(widths, [...PROBE, 2, 2, 2]);
});

test('a graph that takes padding for text shares passes among texts of one length alone', async (t) => {
  for (const finds of ['despite mask', 'without mask'] as const) {
    const { ask, widths } = await openBackwards(t, { finds });
    const texts = ['eins zwei', 'drei', 'zwei eins', 'eins drei zwei', 'zwei'];
    const expected = ['two one', 'three', 'one two', 'two three one', 'two'];
    const asked = await Promise.all(texts.map((text) => ask(text)));
    assert.deepEqual(
      asked.map(({ text }) => text),
      expected,
      finds,
    );
    const probe = finds === 'without mask' ? PROBE : [...PROBE, 1, 1, 1, 2, 2, 2];
    // Two texts of three tokens beside two of two, in turns, and then the one that is left.
    assert.deepEqual(widths, [...probe, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1], finds);
  }
  const { ask } = await openMarian(t, { ignoresMask: true });
  const texts = ['spare', 'a longer one', 'x', 'watts'];
  const alone: unknown[] = [];
  for (const text of texts) alone.push(await ask(text, { max_tokens: 10 }));
  assert.deepEqual(await Promise.all(texts.map((text) => ask(text, { max_tokens: 10 }))), alone);
});

test('texts that are longer than they were counted share passes with their like alone', async (t) => {
  const { ask, widths } = await openBackwards(t, { finds: 'without mask', summaryPrefix: 'eins ' });
  const asked = [ask('zwei'), ask('drei', { task: 'summarization' }), ask('eins')];
  assert.deepEqual(await Promise.all(asked), [{ text: 'two' }, { text: 'three one' }, { text: 'one' }]);
  assert.ok(widths.slice(PROBE.length).includes(2));
});

test('graphs for one row write one text after another', async (t) => {
  const { ask, count } = await openBackwards(t, { isForOne: true });
  const { runs, widths } = await count(async () => {
    const texts = ['eins zwei', 'drei'].map((text) => ask(text));
    assert.deepEqual(await Promise.all(texts), [{ text: 'two one' }, { text: 'three' }]);
  });
  assert.deepEqual([runs, widths], [7, []]);
});

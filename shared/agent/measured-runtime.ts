import type { MeasuredSpeed, ServedModel } from '../protocol/capabilities.ts';
import type { Runtime, RuntimeJob, RuntimeOutput, RuntimeResult } from '../runtimes/runtime.ts';

export type MeasuredRuntime = Runtime & {
  /** Called when a speed has become known, or has moved by more than a quarter since it was last told. */
  onSpeed(listener: () => void): void;
};

type Book = { tokensPerS: number | null; loadMs: number | null; samples: number; told: number | null; inUse: number };

/** The newest job counts a fifth: a machine that slows down is seen within a few jobs, one slow job changes little. */
const NEWEST_WEIGHT = 0.2;
const NOTABLE_CHANGE = 0.25;
/** Shorter measurements say more of timers than of machines. */
const LEAST_TOKENS = 8;
const LEAST_MS = 20;

/** The same runtime, whose models also say how fast real jobs ran on them and how many run now. `now` in milliseconds. */
export function measureRuntime(runtime: Runtime, now: () => number): MeasuredRuntime {
  const books = new Map<string, Book>();
  const listeners: (() => void)[] = [];
  const bookOf = (model: string): Book => {
    const book = books.get(model) ?? { tokensPerS: null, loadMs: null, samples: 0, told: null, inUse: 0 };
    books.set(model, book);
    return book;
  };
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const note = (book: Book, tokens: number, ms: number): void => {
    if (tokens < LEAST_TOKENS || ms < LEAST_MS) return;
    const speed = (tokens / ms) * 1_000;
    book.tokensPerS = book.tokensPerS === null ? speed : book.tokensPerS + NEWEST_WEIGHT * (speed - book.tokensPerS);
    book.samples += 1;
    if (book.told !== null && Math.abs(book.tokensPerS / book.told - 1) <= NOTABLE_CHANGE) return;
    book.told = book.tokensPerS;
    tell();
  };
  runtime.onLoad?.((model, loadMs) => {
    bookOf(model).loadMs = loadMs;
    tell();
  });

  const run = async (job: RuntimeJob, output: RuntimeOutput, signal: AbortSignal): Promise<RuntimeResult> => {
    const book = bookOf(job.model);
    const startedAt = now();
    const text = watchText(output, now);
    book.inUse += 1;
    try {
      const result = await runtime.run(job, text.output, signal);
      if (job.type === 'llm') note(book, text.tokensAfterFirst(), text.elapsedMs());
      if (job.type === 'embed') note(book, result.usage.inputTokens, now() - startedAt);
      return result;
    } finally {
      book.inUse -= 1;
    }
  };

  return {
    models: () => runtime.models().map((model) => withMeasures(model, books.get(model.name))),
    onChange: (listener) => runtime.onChange(listener),
    onSpeed: (listener) => void listeners.push(listener),
    ...(runtime.installed === undefined ? {} : { installed: () => runtime.installed?.() ?? [] }),
    run,
    close: () => runtime.close(),
  };
}

/** Times the tokens after the first, because the first stands for reading the prompt and perhaps for loading. */
function watchText(output: RuntimeOutput, now: () => number) {
  let firstAt: number | undefined;
  let lastAt = 0;
  let tokens = 0;
  const made = (count: number): void => {
    if (firstAt === undefined) firstAt = now();
    else {
      lastAt = now();
      tokens += count;
    }
  };
  const watched: RuntimeOutput = {
    text: (text, count, more) => {
      made(count);
      output.text(text, count, more);
    },
    toolCall: (piece) => {
      made(piece.tokens);
      output.toolCall(piece);
    },
    vectors: output.vectors.bind(output),
  };
  return {
    output: watched,
    tokensAfterFirst: () => tokens,
    elapsedMs: () => (firstAt === undefined ? 0 : lastAt - firstAt),
  };
}

function withMeasures(model: ServedModel, book: Book | undefined): ServedModel {
  if (book === undefined) return { ...model, in_use: 0 };
  const measured: MeasuredSpeed = {
    tokens_per_s: book.tokensPerS === null ? null : Math.round(book.tokensPerS * 10) / 10,
    load_ms: book.loadMs === null ? null : Math.round(book.loadMs),
    samples: book.samples,
  };
  return { ...model, in_use: book.inUse, ...(book.samples > 0 || book.loadMs !== null ? { measured } : {}) };
}

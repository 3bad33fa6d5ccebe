/** Tells of test files that ended without a word, as a crash does, what their process said last and how it ended. */

const KEPT_CHARS = 4_000;

type Failure = { file?: string; name: string; details?: { error?: { exitCode?: unknown; signal?: unknown } } };
type TestEvent =
  | { type: 'test:stderr' | 'test:stdout'; data: { file: string; message: string } }
  | { type: 'test:fail'; data: Failure }
  | { type: 'test:other'; data: unknown };

// biome-ignore lint/style/noDefaultExport: node:test takes a reporter by its default export
export default async function* tellCrashes(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const said = new Map<string, string>();
  const crashes: string[] = [];
  for await (const event of events) {
    if (event.type === 'test:stderr') {
      const { file, message } = event.data;
      said.set(file, ((said.get(file) ?? '') + message).slice(-KEPT_CHARS));
    } else if (event.type === 'test:fail' && event.data.details?.error?.exitCode !== undefined) {
      crashes.push(describe(event.data, said));
    }
  }
  yield* crashes;
}

function describe({ file, name, details }: Failure, said: Map<string, string>): string {
  const error = details?.error;
  const last = said.get(file ?? '') ?? said.get(name) ?? '';
  return `\n${name} ended with exit code ${error?.exitCode}, signal ${error?.signal}. Its last words:\n${last}\n`;
}

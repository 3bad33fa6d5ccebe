import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureChromium } from './chromium.ts';

/** A tab as its person has it: one that is behind another is hidden, and slowed down as Chromium slows such tabs down. */
export type RawTab = {
  evaluate<Value>(expression: string): Promise<Value>;
  bringToFront(): Promise<void>;
  close(): Promise<void>;
};
/** `script` runs in the page before its own. */
export type RawChromium = { openTab(url: string, script?: string): Promise<RawTab>; close(): Promise<void> };

type Answer = { id?: number; result?: Record<string, unknown>; error?: { message: string } };

/** Chromium over its own protocol: Playwright keeps every page visible, so that nothing hidden can be measured with it. */
export async function launchRawChromium(flags: readonly string[]): Promise<RawChromium> {
  const profile = mkdtempSync(join(tmpdir(), 'sparewatt-chromium-'));
  const own = ['--headless=new', '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'];
  const child = spawn(ensureChromium().path, [...flags, ...own], { stdio: ['ignore', 'ignore', 'pipe'] });
  const socket = new WebSocket(await addressOf(child));
  await once(socket, 'open');
  const send = callsOver(socket);
  return {
    openTab: async (url, script) => {
      const { targetId } = await send('Target.createTarget', { url: script === undefined ? url : 'about:blank' });
      const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
      if (script !== undefined) {
        await send('Page.enable', {}, String(sessionId));
        await send('Page.addScriptToEvaluateOnNewDocument', { source: script }, String(sessionId));
        await send('Page.navigate', { url }, String(sessionId));
      }
      return {
        evaluate: async <Value>(expression: string) => {
          const params = { expression, awaitPromise: true, returnByValue: true };
          const { result, exceptionDetails } = await send('Runtime.evaluate', params, String(sessionId));
          if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
          return (result as { value: Value }).value;
        },
        bringToFront: async () => void (await send('Target.activateTarget', { targetId })),
        close: async () => void (await send('Target.closeTarget', { targetId })),
      };
    },
    close: async () => {
      socket.close();
      child.kill();
      await once(child, 'exit');
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function addressOf({ stderr }: ChildProcess): Promise<string> {
  let told = '';
  for await (const chunk of stderr ?? []) {
    told += chunk;
    const [address] = /ws:\/\/\S+/.exec(told) ?? [];
    if (address !== undefined) return address;
  }
  throw new Error(`Chromium did not start: ${told}`);
}

function callsOver(socket: WebSocket) {
  const waiting = new Map<number, (answer: Answer) => void>();
  let lastId = 0;
  socket.addEventListener('message', ({ data }) => {
    const answer = JSON.parse(String(data)) as Answer;
    waiting.get(answer.id ?? -1)?.(answer);
    waiting.delete(answer.id ?? -1);
  });
  return async (method: string, params: object, sessionId?: string): Promise<Record<string, unknown>> => {
    lastId += 1;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    waiting.set(lastId, resolve);
    socket.send(JSON.stringify({ id: lastId, method, params, sessionId }));
    const { result, error } = await promise;
    if (result === undefined) throw new Error(`${method}: ${error?.message}`);
    return result;
  };
}

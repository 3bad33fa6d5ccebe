import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import type { AgentLog } from '../../shared/agent/log.ts';
import type { IpcAnswer } from '../../shared/ipc/answer.ts';
import { Problem, toProblem, toProblemRecord } from '../../shared/problems/problem.ts';
import type { ElectronSurface, IpcEventSurface, WindowSurface } from '../surface.ts';

export type RegisterCallOptions = {
  ipcMain: ElectronSurface['ipcMain'];
  /** The one window whose top frame may ask, while there is one. */
  window: () => WindowSurface | undefined;
  /** The page that window shows. */
  pageUrl: string;
  log: AgentLog;
};

export type Call = { channel: string; input: TSchema; run: (input: unknown) => unknown };

/**
 * Answers calls of a page. Invariants: (1) only the top frame of that window, while it shows that page, is answered;
 * (2) nothing runs on input that its schema refuses; (3) a fault leaves no more than its code, and is logged with its
 * cause; no input is logged.
 */
export function registerCalls(calls: readonly Call[], options: RegisterCallOptions): void {
  for (const { channel, input: schema, run } of calls) {
    options.ipcMain.handle(channel, async (event, input, ...more): Promise<IpcAnswer<unknown>> => {
      try {
        assertSender(event, channel, options);
        if (more.length > 0 || !Value.Check(schema, input)) throw wrongInput(channel, schema, input);
        return { ok: true, value: await run(input) };
      } catch (error) {
        if (!(error instanceof Problem)) options.log.error({ channel, err: error }, 'a call of the window failed');
        return { ok: false, problem: toProblemRecord(toProblem(error)) };
      }
    });
  }
}

function assertSender({ sender, senderFrame }: IpcEventSurface, channel: string, options: RegisterCallOptions): void {
  const window = options.window();
  const isOurs =
    window !== undefined && sender.id === window.webContents.id && senderFrame !== null && senderFrame.parent === null;
  if (isOurs && isPage(senderFrame.url, options.pageUrl)) return;
  options.log.warn({ channel }, 'a call from a page that is not the app’s own was refused');
  throw new Problem('origin_refused', 'This page may not ask that.');
}

/** The fragment is the page's own. */
function isPage(url: string, pageUrl: string): boolean {
  const asked = URL.parse(url);
  if (asked === null) return false;
  asked.hash = '';
  return asked.href === pageUrl;
}

function wrongInput(channel: string, schema: TSchema, input: unknown): Problem {
  const [first] = Value.Errors(schema, input);
  const place = first?.instancePath.slice(1).replaceAll('/', '.') || 'the whole';
  return new Problem('invalid_value', `${channel} was given something else than it takes, at ${place}.`, {
    param: place,
  });
}

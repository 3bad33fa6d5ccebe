import { startReadyProcess } from '../support/ready-process.ts';
import { type Target, targetOf } from './target.ts';

export type Echo = { target: Target; stop(): Promise<void> };

/** The relay's HTTP server without a relay: sends every body back. */
export async function startEcho(): Promise<Echo> {
  const { message, stop } = await startReadyProcess<string>(new URL('servers/echo.ts', import.meta.url), []);
  return { target: targetOf(message), stop };
}

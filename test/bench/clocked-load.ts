import { startReadyProcess } from '../support/ready-process.ts';
import type { Target } from './target.ts';

/** What is posted by the clock. */
export type ClockedLoad = Target & { body: string; status: number; perS: number; seconds: number };

export type ClockedTimes = {
  /** From when each was due until its whole answer was there, in the order in which they were due. */
  timesMs: number[];
  /** When the first was due, in milliseconds since 1970. */
  beganAtMs: number;
  /** The longest time between two looks of the client at its clock: what it may have been late itself. */
  latestTickMs: number;
};

/** Posts at a rate for some seconds from a process of its own. Rejects for an answer with another status. */
export async function runClockedLoad(load: ClockedLoad): Promise<ClockedTimes> {
  const file = new URL('servers/clocked-client.ts', import.meta.url);
  const { message, stop } = await startReadyProcess<ClockedTimes>(file, [JSON.stringify(load)]);
  await stop();
  return message;
}

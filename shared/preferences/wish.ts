import { type Static, Type } from 'typebox';

const At = Type.Integer({ minimum: 0, maximum: 8.64e15 });

/**
 * What the owner has said by hand, and until when. `contribute` is the rules' turn; `insist` is contributing although
 * schedule or profile say no; `finish` pauses when the jobs that run have ended. Kept over restarts.
 */
export const Wish = Type.Union([
  Type.Object({ state: Type.Literal('contribute') }, { additionalProperties: false }),
  Type.Object({ state: Type.Literal('insist'), until: At }, { additionalProperties: false }),
  Type.Object({ state: Type.Literal('paused'), until: Type.Union([At, Type.Null()]) }, { additionalProperties: false }),
  Type.Object({ state: Type.Literal('finish') }, { additionalProperties: false }),
]);
export type Wish = Static<typeof Wish>;

export const PAUSE_LENGTHS = ['30m', '1h', '3h', 'tomorrow', 'resumed'] as const;
export type PauseLength = (typeof PAUSE_LENGTHS)[number];

const MINUTE_MS = 60_000;
const LENGTHS_MS: Readonly<Partial<Record<PauseLength, number>>> = {
  '30m': 30 * MINUTE_MS,
  '1h': 60 * MINUTE_MS,
  '3h': 180 * MINUTE_MS,
};
/** Tomorrow begins when people do, not at midnight. */
const MORNING_HOUR = 8;
/** How long "contribute now" outweighs schedule and profile. */
export const INSIST_MS = 60 * MINUTE_MS;

/** When a pause that begins now ends; null for one that only the owner ends. */
export function pauseEnd(length: PauseLength, now: number): number | null {
  if (length === 'resumed') return null;
  if (length !== 'tomorrow') return now + (LENGTHS_MS[length] ?? 0);
  const morning = new Date(now);
  morning.setDate(morning.getDate() + 1);
  morning.setHours(MORNING_HOUR, 0, 0, 0);
  return morning.getTime();
}

/** The wish at a later moment: what had an end has ended. */
export function wishAt(wish: Wish, now: number): Wish {
  const until = wish.state === 'paused' || wish.state === 'insist' ? wish.until : null;
  return until !== null && now >= until ? { state: 'contribute' } : wish;
}

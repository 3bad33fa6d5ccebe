import { type Static, Type } from 'typebox';

const count = Type.Number({ minimum: 0 });

/** Why a machine contributes or does not, with all that its owner is told of it; the words are `reasons.ts`'s. */
export const Why = Type.Union([
  Type.Object({ is: Type.Literal('contributing') }),
  Type.Object({ is: Type.Literal('insisting') }),
  Type.Object({ is: Type.Literal('away') }),
  Type.Object({ is: Type.Literal('here') }),
  /** Nobody knows whether the owner is. */
  Type.Object({ is: Type.Literal('maybe_here') }),
  Type.Object({ is: Type.Literal('paused') }),
  Type.Object({ is: Type.Literal('paused_until_resumed') }),
  Type.Object({ is: Type.Literal('finishing') }),
  Type.Object({ is: Type.Literal('sleep') }),
  Type.Object({ is: Type.Literal('session_end') }),
  Type.Object({ is: Type.Literal('program'), program: Type.String() }),
  Type.Object({ is: Type.Literal('game'), game: Type.String() }),
  Type.Object({ is: Type.Literal('full_screen') }),
  Type.Object({ is: Type.Literal('heat') }),
  Type.Object({ is: Type.Literal('battery') }),
  Type.Object({ is: Type.Literal('gpu_busy'), percent: count }),
  Type.Object({ is: Type.Literal('metered') }),
  /** When the schedule opens by its own clock, in minutes of the week; null when it never does. */
  Type.Object({ is: Type.Literal('hours'), opensAt: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]) }),
  Type.Object({ is: Type.Literal('in_use'), idle_s: count, away_after_s: count }),
  Type.Object({ is: Type.Literal('in_use_maybe') }),
  Type.Object({ is: Type.Literal('not_while_away') }),
  /** The owner allows none of the models here, or no kind of job that any of them does. */
  Type.Object({ is: Type.Literal('no_model_allowed') }),
  Type.Object({ is: Type.Literal('no_service_allowed') }),
  Type.Object({ is: Type.Literal('unpaired') }),
  Type.Object({ is: Type.Literal('key_store_locked') }),
  Type.Object({ is: Type.Literal('unreachable'), relay: Type.String() }),
  /** The code of a problem, and what the relay said of it. */
  Type.Object({ is: Type.Literal('refused'), code: Type.String(), detail: Type.String() }),
]);
export type Why = Static<typeof Why>;

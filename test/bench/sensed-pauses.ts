import { type ChildProcess, spawn } from 'node:child_process';
import { systemSensors } from '../../main/headless/presence/system-sensors.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../../shared/preferences/preferences.ts';
import type { Desktop } from '../support/desktop/desktop.ts';
import { SETTLED } from '../support/desktop/desktop.ts';
import type { Figure } from './figure.ts';
import { measurePauses, type PauseKind, withPairedDesktop } from './pause-round.ts';
import { startOnProcessor } from './pauses.ts';

/** Few: after a program of the list has ended, the app waits for five seconds to be sure. */
const ROUNDS = Number(process.env.SPAREWATT_BENCH_SENSED_ROUNDS ?? 10);
const PROGRAM = 'sparewatt-bench-game';
const AWAY_S = 3_600;

/** Yields to one program and to keyboard and mouse, and to nothing else of the machine that measures. */
const PREFERENCES: Preferences = {
  ...DEFAULT_PREFERENCES,
  profiles: {
    here: { contribute: false, slots: 1, duty_percent: 100 },
    away: { contribute: true, slots: 2, duty_percent: 100 },
  },
  games: { detect: false, programs: [PROGRAM] },
  other_gpu_load_percent: null,
  contribute_on_metered_network: true,
};

/**
 * From what happens at the machine, not from when it was noticed, until nothing computes, and until memory is back: the app's
 * own sensors and its own clock. A program is a real one of this system; keyboard and mouse are the idle time that Electron's
 * double tells.
 */
export const sensedPauses = (): Promise<Figure[]> =>
  withPairedDesktop(
    async (t) => {
      const desktop = await startOnProcessor(t, {
        stored: { ...SETTLED, preferences: PREFERENCES },
        now: Date.now,
        sensors: systemSensors,
        every: (ms, step) => {
          const timer = setInterval(step, ms);
          return () => clearInterval(timer);
        },
      });
      desktop.hands.idleSeconds = AWAY_S;
      return desktop;
    },
    async (desktop, pool) => [
      ...(await measurePauses('program', ROUNDS, { desktop, pool, kind: programOfList() })),
      ...(await measurePauses('keyboard', ROUNDS, { desktop, pool, kind: keyboardOf(desktop) })),
    ],
  );

function programOfList(): PauseKind {
  let program: ChildProcess | undefined;
  return {
    pause: () => {
      program = spawn('sleep', ['60'], { argv0: PROGRAM, stdio: 'ignore' });
    },
    goOn: () => void program?.kill('SIGKILL'),
  };
}

function keyboardOf({ hands }: Desktop): PauseKind {
  return {
    pause: () => {
      hands.idleSeconds = 0;
    },
    goOn: () => {
      hands.idleSeconds = AWAY_S;
    },
  };
}

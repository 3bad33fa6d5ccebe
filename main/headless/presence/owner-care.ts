import type { AgentLog } from '../../../shared/agent/log.ts';
import { createCalm } from '../../../shared/preferences/calm.ts';
import { byCare, type Yielding } from '../../../shared/preferences/contribution.ts';
import { needsOf, needsText, rulesInForce, type SetRule } from '../../../shared/preferences/owner-rules.ts';
import type { Preferences } from '../../../shared/preferences/preferences.ts';
import type { Presence } from '../../../shared/preferences/presence.ts';
import { type Sensor, watchPresence } from './watch-presence.ts';

export type OwnerCareOptions = {
  /** The document of the owner, where there is one; only it has rules for what goes on at the machine. */
  preferences(): Preferences | undefined;
  sensors(wants: (part: keyof Presence) => boolean): readonly Sensor[];
  /** Called when something else is seen. */
  onChange(): void;
  now: () => number;
  log: AgentLog;
};

export type OwnerCare = {
  /** What the rules close the node for now; undefined when nothing. */
  yielding(): Yielding | undefined;
  /** The rules in force, and whether this system tells enough to follow each. */
  rules(): SetRule[];
  /** Whether the network in use costs the owner something that they do not want to spend. */
  isDear(): boolean;
  /** Asks the sensors whose time has come; resolves when everything has been looked at once for the rules of now. */
  look(): Promise<void>;
  close(): void;
};

/**
 * What a node without a screen does for its owner at the machine, by the sensors and the decision of the app.
 *
 * Invariants: (1) nothing is looked at that no rule needs, and nothing at all without preferences; (2) what nobody tells closes
 * nothing, and is told once for each document: after it was looked for, not before.
 */
export function createOwnerCare({ preferences, now, log, ...ports }: OwnerCareOptions): OwnerCare {
  const calm = createCalm(now);
  const wants = (part: keyof Presence): boolean => {
    const wanted = preferences();
    return wanted !== undefined && needsOf(wanted).has(part);
  };
  const watch = watchPresence(
    ports.sensors(wants),
    () => ({}),
    () => ports.onChange(),
    now,
  );
  let lookedFor: Preferences | undefined;
  let lookedOnce = Promise.resolve();
  const rules = (): SetRule[] => {
    const wanted = preferences();
    return wanted === undefined ? [] : rulesInForce(wanted, watch.current());
  };
  return {
    yielding: () => {
      const wanted = preferences();
      return calm(wanted && byCare(wanted, watch.current()));
    },
    rules,
    isDear: () => preferences()?.contribute_on_metered_network === false && watch.current().metered === true,
    look: () => {
      const wanted = preferences();
      const isNew = wanted !== lookedFor;
      // Without preferences nothing begins, and what was looked at is forgotten.
      if (wanted === undefined && lookedFor === undefined) return lookedOnce;
      lookedFor = wanted;
      const looked = watch.look();
      if (isNew) lookedOnce = looked.then(() => tellRules(rules(), log));
      return lookedOnce;
    },
    close: watch.close,
  };
}

function tellRules(rules: readonly SetRule[], log: AgentLog): void {
  const followed = rules.filter(({ followed }) => followed);
  const untold = rules.filter(({ followed }) => !followed);
  if (followed.length > 0) log.info({ rules: needsText(followed) }, 'this node yields to its owner');
  if (untold.length > 0) log.warn({ rules: needsText(untold) }, NOT_FOLLOWED);
}

const NOT_FOLLOWED = 'rules of the owner that cannot be followed here, as nothing tells this node what they need';

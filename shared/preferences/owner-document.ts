import type { NodePolicy } from '../policy/node-policy.ts';
import { parsePolicy } from '../policy/parse-policy.ts';
import { Problem } from '../problems/problem.ts';
import { DEFAULT_PREFERENCES, type Preferences, parsePreferences } from './preferences.ts';

/**
 * What an owner wrote for a node without a screen: a policy, or the document that the desktop app keeps, in which what is not
 * said is as in the app.
 */
export type OwnerDocument = { readonly policy: NodePolicy; readonly preferences: Preferences | undefined };

/** Reads the text of a file of either kind; the version is what tells them apart. Errors: `invalid_setting` with the file. */
export function parseOwnerDocument(text: string, path: string): OwnerDocument {
  const value = tryJson(text);
  if (typeof value !== 'object' || value === null || !('version' in value)) {
    return { policy: parsePolicy(text, path), preferences: undefined };
  }
  try {
    const preferences = parsePreferences({ ...DEFAULT_PREFERENCES, ...value });
    return { policy: unattendedPolicy(preferences), preferences };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const place = error.param === undefined ? {} : { param: error.param };
    throw new Problem('invalid_setting', `${path}: ${error.message}`, { ...place, cause: error });
  }
}

/**
 * The policy that preferences mean where nobody sits: those for while their person is away. Jobs that each wait for a
 * person would wait for ever, so that none is taken.
 */
export function unattendedPolicy(preferences: Preferences): NodePolicy {
  const { profiles, supervised, finish_at_schedule_end: finish_running } = preferences;
  const isPaused = supervised || !profiles.away.contribute;
  return { ...preferences.policy, finish_running, ...(isPaused ? { paused: true } : {}) };
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // parsePolicy says so.
  }
}

import { readFileSync, statSync } from 'node:fs';
import type { AgentLog } from '../../shared/agent/log.ts';
import { createOwnerPolicy, type OwnerPolicy } from '../../shared/policy/owner-policy.ts';
import { type OwnerDocument, parseOwnerDocument } from '../../shared/preferences/owner-document.ts';
import type { Preferences } from '../../shared/preferences/preferences.ts';
import { Problem } from '../../shared/problems/problem.ts';

export type PolicyFile = {
  readonly policy: OwnerPolicy;
  /** The whole document of the owner, where the file is one. */
  preferences(): Preferences | undefined;
  close(): void;
};

export type PolicyFileOptions = {
  path: string;
  /** Whether the owner named the file, so that one that is not there is a mistake. */
  isNamed: boolean;
  now: () => number;
  log: AgentLog;
  /** How often the file is looked at; that works on every system and disk. */
  intervalMs?: number;
};

const LOOK_EVERY_MS = 1_000;
const NONE = 'none';

/**
 * The policy in a file, which may be all of the owner's preferences, followed while the node runs. A file that has become wrong
 * leaves the last good policy in place and says so, and so does a named one that is gone: nothing but a readable file allows more
 * than before. Where no file is named, none for two looks in a row means that everything is allowed. Errors: `invalid_setting` when it is wrong at start.
 */
export function openPolicyFile({ path, isNamed, now, log, intervalMs }: PolicyFileOptions): PolicyFile {
  let seen = versionOf(path);
  let document = readDocument(path, isNamed);
  const policy = createOwnerPolicy({ policy: document.policy, now });
  let isMissed = false;
  const look = (): void => {
    const version = versionOf(path);
    const isGone = version === NONE && version !== seen;
    // An editor takes the file away before it puts another in its place.
    if (isGone && !isNamed && !isMissed) {
      isMissed = true;
      return;
    }
    isMissed = false;
    if (version === seen) return;
    seen = version;
    try {
      document = readDocument(path, isNamed);
      policy.replace(document.policy);
      log.info({ path }, 'the policy of this node has changed');
    } catch (error) {
      log.error({ path, reason: error instanceof Error ? error.message : String(error) }, 'the last policy stays');
    }
  };
  const timer = setInterval(look, intervalMs ?? LOOK_EVERY_MS);
  timer.unref();
  return { policy, preferences: () => document.preferences, close: () => clearInterval(timer) };
}

/** Taken before the content, so that no change falls between the two; `fs.watchFile` looks too late for that. */
function versionOf(path: string): string {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? NONE : `${stats.ino} ${stats.mtimeMs} ${stats.size}`;
  } catch {
    return 'unreadable';
  }
}

function readDocument(path: string, isNamed: boolean): OwnerDocument {
  const text = readText(path);
  if (text !== undefined) return parseOwnerDocument(text, path);
  if (isNamed) throw new Problem('invalid_setting', `There is no policy file ${path}.`);
  return { policy: {}, preferences: undefined };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Problem('invalid_setting', `The policy file ${path} cannot be read.`, { cause: error });
  }
}

import { lstatSync, readFileSync, statSync } from 'node:fs';
import type { AgentLog } from '../../shared/agent/log.ts';
import { LEADS_NOWHERE, NOT_UTF8, readText } from '../../shared/files/read-text.ts';
import { createOwnerPolicy, type OwnerPolicy } from '../../shared/policy/owner-policy.ts';
import { type OwnerDocument, parseOwnerDocument } from '../../shared/preferences/owner-document.ts';
import type { Preferences } from '../../shared/preferences/preferences.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { whyNoFileAt } from './no-file-at.ts';

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
  const bytes = readIfThere(path);
  if (bytes === undefined && isNamed) throw new Problem('invalid_setting', `There is no policy file ${path}.`);
  if (bytes === undefined) return { policy: {}, preferences: undefined };
  const text = readText(bytes);
  if (text === undefined) throw unreadable(path, `: ${NOT_UTF8}`);
  return parseOwnerDocument(text, path);
}

/** A link to what is not there, as on a disk that is not mounted, allows nothing. */
function readIfThere(path: string): Uint8Array | undefined {
  const why = noFileReason(path);
  if (why !== undefined) throw unreadable(path, `: ${why}`);
  try {
    return readFileSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(path, '', cause);
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    throw unreadable(path, `: ${LEADS_NOWHERE}`, cause);
  }
}

function noFileReason(path: string): string | undefined {
  try {
    return whyNoFileAt(path);
  } catch (cause) {
    throw unreadable(path, '', cause);
  }
}

function unreadable(path: string, why: string, cause?: unknown): Problem {
  return new Problem('invalid_setting', `The policy file ${path} cannot be read${why}.`, { cause });
}

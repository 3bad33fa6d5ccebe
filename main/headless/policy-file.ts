import { readFileSync, statSync } from 'node:fs';
import type { AgentLog } from '../../shared/agent/log.ts';
import type { NodePolicy } from '../../shared/policy/node-policy.ts';
import { createOwnerPolicy, type OwnerPolicy } from '../../shared/policy/owner-policy.ts';
import { parsePolicy } from '../../shared/policy/parse-policy.ts';
import { Problem } from '../../shared/problems/problem.ts';

export type PolicyFile = { readonly policy: OwnerPolicy; close(): void };

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

/**
 * The policy in a file, followed while the node runs. A file that has become wrong leaves the last good policy in
 * place and says so, and so does a named one that is gone: nothing but a readable file allows more than before. Where no
 * file is named, none means that everything is allowed. Errors: `invalid_setting` when it is wrong at start.
 */
export function openPolicyFile({ path, isNamed, now, log, intervalMs }: PolicyFileOptions): PolicyFile {
  let seen = versionOf(path);
  const policy = createOwnerPolicy({ policy: readPolicy(path, isNamed), now });
  const look = (): void => {
    const version = versionOf(path);
    if (version === seen) return;
    seen = version;
    try {
      policy.replace(readPolicy(path, isNamed));
      log.info({ path }, 'the policy of this node has changed');
    } catch (error) {
      log.error({ path, reason: error instanceof Error ? error.message : String(error) }, 'the last policy stays');
    }
  };
  const timer = setInterval(look, intervalMs ?? LOOK_EVERY_MS);
  timer.unref();
  return { policy, close: () => clearInterval(timer) };
}

/** Taken before the content, so that no change falls between the two; `fs.watchFile` looks too late for that. */
function versionOf(path: string): string {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? 'none' : `${stats.ino} ${stats.mtimeMs} ${stats.size}`;
  } catch {
    return 'unreadable';
  }
}

function readPolicy(path: string, isNamed: boolean): NodePolicy {
  const text = readText(path);
  if (text !== undefined) return parsePolicy(text, path);
  if (isNamed) throw new Problem('invalid_setting', `There is no policy file ${path}.`);
  return {};
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Problem('invalid_setting', `The policy file ${path} cannot be read.`, { cause: error });
  }
}

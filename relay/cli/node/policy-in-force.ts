import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type NodePolicy, POLICY_FILE } from '../../../shared/policy/node-policy.ts';
import { parseOwnerDocument } from '../../../shared/preferences/owner-document.ts';
import type { Preferences } from '../../../shared/preferences/preferences.ts';
import { toProblem } from '../../../shared/problems/problem.ts';
import { nodeFolder } from '../../config/folders.ts';
import type { LoadedSettings } from '../../config/load-settings.ts';

/**
 * The policy that a node would start with, and where it stands; null for the policy that allows everything. Where that is the
 * whole document of an owner, `preferences` has all of it, with what is meant by what it does not say.
 */
export type PolicyInForce = {
  policy: NodePolicy | null;
  preferences: Preferences | null;
  from: string | null;
  fault?: string;
};

const NOTHING = { policy: null, preferences: null };

/** Reads what `sparewatt agent` would read. Never throws: what is wrong is in `fault`. */
export function policyInForce({ settings }: LoadedSettings): PolicyInForce {
  const settingOf = (name: string) => settings.find(({ key }) => key === name);
  const given = settingOf('policy');
  if (typeof given?.value === 'object') {
    return { policy: given.value as NodePolicy, preferences: null, from: given.place ?? null };
  }
  const isNamed = typeof given?.value === 'string';
  const folder = nodeFolder(resolve(String(settingOf('data')?.value)));
  const path = isNamed ? String(given.value) : join(folder, POLICY_FILE);
  try {
    const { policy, preferences = null } = parseOwnerDocument(readFileSync(path, 'utf8'), path);
    return { policy, preferences, from: path };
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (isMissing && !isNamed) return { ...NOTHING, from: null };
    const fault = isMissing ? `There is no policy file ${path}.` : toProblem(error).message;
    return { ...NOTHING, from: path, fault };
  }
}

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type NodePolicy, POLICY_FILE } from '../../shared/policy/node-policy.ts';
import { parseOwnerDocument } from '../../shared/preferences/owner-document.ts';
import { toProblem } from '../../shared/problems/problem.ts';
import { nodeFolder } from '../config/implied-settings.ts';
import type { LoadedSettings } from '../config/load-settings.ts';

/** The policy that a node would start with, and where it stands; null for the policy that allows everything. */
export type PolicyInForce = { policy: NodePolicy | null; from: string | null; fault?: string };

/** Reads what `sparewatt agent` would read. Never throws: what is wrong is in `fault`. */
export function policyInForce({ settings }: LoadedSettings): PolicyInForce {
  const settingOf = (name: string) => settings.find(({ key }) => key === name);
  const given = settingOf('policy');
  if (typeof given?.value === 'object') return { policy: given.value as NodePolicy, from: given.place ?? null };
  const isNamed = typeof given?.value === 'string';
  const folder = nodeFolder(resolve(String(settingOf('data')?.value)));
  const path = isNamed ? String(given.value) : join(folder, POLICY_FILE);
  try {
    return { policy: parseOwnerDocument(readFileSync(path, 'utf8'), path).policy, from: path };
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (isMissing && !isNamed) return { policy: null, from: null };
    const fault = isMissing ? `There is no policy file ${path}.` : toProblem(error).message;
    return { policy: null, from: path, fault };
  }
}

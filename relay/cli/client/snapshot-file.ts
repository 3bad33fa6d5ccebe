import { readFile } from 'node:fs/promises';
import { Snapshot } from '../../../shared/api/snapshot.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { validatorOf } from '../../../shared/protocol/validator.ts';
import { writeFileAtomically } from '../../data-folder/secret-file.ts';
import { COMMAND } from '../own-command.ts';
import { getJson } from './get-json.ts';

const isSnapshot = validatorOf(Snapshot);

/** Asks a relay for its state. Errors: those of `getJson`; `relay_unreachable` when it answers something else. */
export async function fetchSnapshot(relayUrl: string, adminToken: string): Promise<Snapshot> {
  const answer: unknown = await getJson(relayUrl, '/v1/admin/snapshot', adminToken);
  if (isSnapshot.Check(answer)) return answer;
  throw new Problem('relay_unreachable', `${relayUrl} answered with something that is not a snapshot of this version.`);
}

/** Errors: `invalid_option` when the file is not there or holds no snapshot. */
export async function readSnapshotFile(file: string): Promise<Snapshot> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new Problem('invalid_option', `The saved snapshot cannot be read: ${error.message}.`, { cause: error });
  });
  const value = parse(text);
  if (isSnapshot.Check(value)) return value;
  throw new Problem('invalid_option', `${file} holds no snapshot. Make one with: ${COMMAND} snapshot --out FILE`);
}

/** Keeps a snapshot readable by its owner alone, whole or not at all: it tells much of a pool. Errors: `invalid_option`. */
export function writeSnapshotFile(file: string, snapshot: Snapshot): void {
  try {
    writeFileAtomically(file, snapshotText(snapshot));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem('invalid_option', `The snapshot cannot be written: ${reason}.`, { cause: error });
  }
}

export function snapshotText(snapshot: Snapshot): string {
  return `${JSON.stringify(snapshot, null, 2)}\n`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

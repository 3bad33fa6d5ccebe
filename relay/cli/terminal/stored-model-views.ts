import type { StoredModel, VerifiedFile } from '../../../main/headless/models/inventory.ts';
import { printable } from './printable.ts';
import { out } from './style.ts';

export type Verified = { model: string; whole: boolean; files: VerifiedFile[]; problem?: string };

const GIGABYTE = 1e9;
export const NONE_HERE = 'No model is downloaded here.\n';

/** A stored model as `--json` prints it. */
export function viewOf({ name, lock, sizeBytes, lastUsedAt, pinned, inUse }: StoredModel) {
  return {
    model: name,
    revision: lock?.revision ?? null,
    complete: lock?.complete ?? false,
    size_bytes: sizeBytes,
    source: lock?.source ?? null,
    trusted_at: lock?.trustedAt ?? null,
    last_used_at: lastUsedAt === 0 ? null : new Date(lastUsedAt).toISOString(),
    pinned,
    in_use: inUse,
  };
}

/** Stored models for a person. */
export function tableOf(models: readonly StoredModel[]): string {
  if (models.length === 0) return NONE_HERE;
  const rows = models.map((model) => [
    printable(model.name),
    sizeText(model.sizeBytes),
    stateOf(model),
    (model.lock?.revision ?? 'unknown').slice(0, 12),
    printable(model.lock?.source ?? 'unknown'),
  ]);
  const all = [['MODEL', 'SIZE', 'STATE', 'REVISION', 'FROM'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const total = models.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return `${out.dim(lines[0] ?? '')}\n${lines.slice(1).join('\n')}\n${sizeText(total)} in all\n`;
}

function stateOf({ lock, pinned, inUse }: StoredModel): string {
  const words = [
    lock?.complete === true ? undefined : 'incomplete',
    inUse ? 'in use' : undefined,
    pinned ? 'pinned' : undefined,
  ];
  return words.filter((word) => word !== undefined).join(', ') || 'ready';
}

/** In decimal units, as disks are sold. */
export function sizeText(bytes: number): string {
  return bytes >= GIGABYTE ? `${(bytes / GIGABYTE).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Every file that is not whole, below a line for the model. */
export function verifiedText({ model, whole, files, problem }: Verified): string {
  const head = `${printable(model)}  ${whole ? out.green('whole') : out.red('differs')}  ${files.length} files\n`;
  const others = files.filter(({ state }) => state !== 'whole');
  const lines = others.map(({ file, state }) => `  ${state.padEnd(8)} ${printable(file)}\n`);
  return head + lines.join('') + (problem === undefined ? '' : `  ${problem}\n`);
}

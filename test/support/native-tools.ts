import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../../main/headless/find-program.ts';
import { openNativeTools } from '../../main/headless/tools/native-tools.ts';
import type { ToolType } from '../../shared/protocol/subjects.ts';
import { silentLog } from './pool.ts';

/** Why a program cannot be used in a sandbox here; undefined where it can, also after installing Debian's packages. */
export async function whyNoTool(type: ToolType, packages: readonly string[]): Promise<string | undefined> {
  const isMissing = (await Promise.all([type, 'bwrap'].map((name) => findProgram(name)))).includes(undefined);
  if (isMissing && packages.length > 0) install(packages);
  const reasons: string[] = [];
  const log = {
    ...silentLog,
    warn: (facts: object) => void reasons.push(String((facts as { reason?: string }).reason)),
  };
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  const tools = await openNativeTools({ allowed: [type], log: log as never, folder });
  await tools.close();
  rmSync(folder, { recursive: true, force: true });
  // Neither missing nor refused: a skip would hide it.
  if (reasons[0]?.startsWith('The program did not end within') === true) throw new Error(reasons[0]);
  return reasons[0];
}

/** Only where nobody is asked for a password; what does not work is told by the reason for which the test is skipped. */
function install(packages: readonly string[]): void {
  if (process.getuid?.() !== 0) return;
  try {
    execFileSync('apt-get', ['install', '-y', ...packages], { stdio: 'ignore', timeout: 90_000 });
  } catch {
    // Said by the skip.
  }
}

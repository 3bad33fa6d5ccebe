import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './command.ts';

/** What the tests need of PyPI, and the modules by which it is recognised. */
const PACKAGES = ['nats-py==2.16.0', 'nkeys==0.2.1', 'httpx==0.28.1'];
const MODULES = 'import nats, nkeys, httpx';
const FOLDER = join(ROOT, 'dist', 'test-python');
const INSTALL_MS = 120_000;

/**
 * A Python with a NATS client: the one named by SPAREWATT_TEST_PYTHON, the system's if it has one, else a virtual
 * environment under `dist` with packages of PyPI. A sentence with the reason when there is none.
 */
export function findPython(): { path: string } | { missing: string } {
  const own = join(FOLDER, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const candidates = [process.env.SPAREWATT_TEST_PYTHON, 'python3', own].filter((path) => path !== undefined);
  const ready = candidates.find(hasClient);
  if (ready !== undefined) return { path: ready };
  if (spawnSync('python3', ['--version']).status !== 0) return { missing: 'there is no python3 on this machine' };
  if (!existsSync(own)) spawnSync('python3', ['-m', 'venv', FOLDER], { timeout: INSTALL_MS });
  spawnSync(own, ['-m', 'pip', 'install', '--quiet', ...PACKAGES], { timeout: INSTALL_MS });
  return hasClient(own) ? { path: own } : { missing: `${PACKAGES.join(', ')} cannot be installed from PyPI` };
}

function hasClient(python: string): boolean {
  return spawnSync(python, ['-c', MODULES]).status === 0;
}

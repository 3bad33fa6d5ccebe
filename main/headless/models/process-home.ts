import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Where a process id means something, for processes that share a folder. On Linux each container has its own, and so has
 * each machine and each of its boots; elsewhere the host's name has to do.
 */
export const PROCESS_HOME = `${hostname()} ${bootId()}${processNamespace()}`;

function bootId(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} `;
  } catch {
    return '';
  }
}

function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

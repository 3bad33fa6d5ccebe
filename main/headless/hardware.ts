import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import type { Hardware } from '../../shared/agent/capability-document.ts';

export function describeHardware(): Hardware {
  return {
    platform: platform(),
    arch: arch(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpu_threads: availableParallelism(),
    memory_bytes: totalmem(),
  };
}

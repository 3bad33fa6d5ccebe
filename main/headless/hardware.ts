import { execFile } from 'node:child_process';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import type { Hardware } from '../../shared/agent/capability-document.ts';
import type { Gpu } from '../../shared/protocol/capabilities.ts';
import { gpusOfMac, gpusOfNvidia, gpusOfWindows } from './hardware-gpu-lists.ts';
import { gpusOfSysfs } from './hardware-sysfs.ts';

/** A program that has not answered by then hangs on a broken driver; the node starts without it. */
const PROGRAM_TIMEOUT_MS = 5_000;
const NVIDIA = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader,nounits'];
const MAC = ['SPDisplaysDataType', '-json'];
/** The registry, because `Win32_VideoController` counts memory in 32 bits. */
const WINDOWS = [
  '-NoProfile',
  '-NonInteractive',
  '-Command',
  "Get-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}\\0*'" +
    " -ErrorAction SilentlyContinue | Select-Object DriverDesc,ProviderName,DriverVersion,@{n='Vram';" +
    "e={$_.'HardwareInformation.qwMemorySize'}} | ConvertTo-Json -Compress",
];

/** What this machine is made of. What cannot be found out is null. */
export async function describeHardware(): Promise<Hardware> {
  return {
    platform: platform(),
    arch: arch(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpu_threads: availableParallelism(),
    memory_bytes: totalmem(),
    gpus: await findGpus(),
    webgpu: null,
  };
}

async function findGpus(): Promise<Gpu[] | null> {
  const system = platform();
  if (system === 'darwin') return gpusOfMac(await outputOf('system_profiler', MAC));
  const nvidia = gpusOfNvidia(await outputOf('nvidia-smi', NVIDIA));
  const others = system === 'win32' ? gpusOfWindows(await outputOf('powershell.exe', WINDOWS)) : await gpusOfSysfs();
  if (nvidia === null) return others;
  // Its own tool knows more of NVIDIA's than the system does.
  return [...nvidia, ...(others ?? []).filter((gpu) => gpu.vendor !== 'NVIDIA')];
}

/** What a program prints, or null when it is not there or fails. */
function outputOf(program: string, args: string[]): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: PROGRAM_TIMEOUT_MS, windowsHide: true }, (error, stdout) => {
      resolve(error === null ? stdout : null);
    });
  });
}

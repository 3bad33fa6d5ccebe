import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import type { Hardware } from '../../shared/agent/capability-document.ts';
import type { Gpu } from '../../shared/protocol/capabilities.ts';
import { gpusOfMac, gpusOfNvidia, gpusOfWindows, namesOfLspci } from './hardware-gpu-lists.ts';
import { gpusOfSysfs } from './hardware-sysfs.ts';
import { programOutput } from './program-output.ts';

/** A program that has not answered by then hangs on a broken driver; the node starts without it. */
const PROGRAM_TIMEOUT_MS = 5_000;
const NVIDIA = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader,nounits'];
/** With domains, as sysfs has them, and in the form that is made for programs. */
const LSPCI = ['-D', '-mm'];
const MAC = ['SPDisplaysDataType', '-json'];
/**
 * The registry, because `Win32_VideoController` counts memory in 32 bits; of it only what is plugged in, because the
 * registry never forgets a card.
 */
const WINDOWS = [
  '-NoProfile',
  '-NonInteractive',
  '-Command',
  '$here = @(Get-CimInstance Win32_VideoController -ErrorAction SilentlyContinue | ForEach-Object Name); ' +
    "Get-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}\\0*'" +
    ' -ErrorAction SilentlyContinue | Where-Object { $here.Count -eq 0 -or $here -contains $_.DriverDesc }' +
    " | Select-Object DriverDesc,ProviderName,DriverVersion,@{n='Vram';" +
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
  const [nvidia, others] = await Promise.all([
    outputOf('nvidia-smi', NVIDIA).then(gpusOfNvidia),
    system === 'win32' ? outputOf('powershell.exe', WINDOWS).then(gpusOfWindows) : gpusOfLinux(),
  ]);
  if (nvidia === null) return others;
  // Its own tool knows more of NVIDIA's than the system does.
  return [...nvidia, ...(others ?? []).filter((gpu) => gpu.vendor !== 'NVIDIA')];
}

async function gpusOfLinux(): Promise<Gpu[] | null> {
  return gpusOfSysfs('/sys', namesOfLspci(await outputOf('lspci', LSPCI)));
}

function outputOf(program: string, args: string[]): Promise<string | null> {
  return programOutput(program, args, PROGRAM_TIMEOUT_MS);
}

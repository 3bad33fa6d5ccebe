/** The hidden page of the desktop app in which models run. It shows nothing and animates nothing. */
import type { ComputeBridge } from '../../shared/ipc/compute-channels.ts';
import { describeGpu } from './describe-gpu.ts';
import { createWorkerTable } from './worker-table.ts';

const bridge = (globalThis as unknown as { sparewattCompute: ComputeBridge }).sparewattCompute;
bridge.onOrder(createWorkerTable((word) => void bridge.say(word)));
void describeGpu().then((report) => bridge.hello(report));

import { dtypesInstead } from '../../shared/runtimes/devices/dtype-order.ts';
import { executionOf, servedModelOf } from '../../shared/runtimes/transformers/served-model.ts';
import type { LoadRequest } from '../../shared/runtimes/worker-protocol.ts';
import type { DtypeReason } from './choose-files.ts';
import { type ComputeDevice, deviceFacts } from './compute-device.ts';
import {
  discardOrder,
  type InstalledWebModel,
  type InstallOptions,
  installModel,
  type ModelOrder,
  orderModel,
} from './model-cache.ts';
import { deviceOf, type ModelDevice } from './model-device.ts';
import type { ModelUrls } from './model-source.ts';
import { forgetModel } from './stored-models.ts';
import type { HeldModel } from './web-runtime.ts';

/** A model that is here, whole, and knows where it runs. */
export type BroughtWebModel = HeldModel & {
  reason: DtypeReason;
  location: string;
  /** Takes its files away. */
  forget(): Promise<void>;
};

export type BringOptions = InstallOptions & {
  urls: ModelUrls;
  compute: ComputeDevice;
  /** Instead of those that suit the device. */
  dtypes?: readonly string[];
};

/** One step of a small model takes less time than waking a second thread. */
const ONE_THREAD_BELOW_BYTES = 32 * 1024 * 1024;

/** What would be downloaded. Errors: those of `orderModel`. */
export function lookAtModel(id: string, options: Pick<BringOptions, 'urls' | 'compute' | 'dtypes' | 'signal'>) {
  const { urls, compute, dtypes, signal } = options;
  const allowSimulated = compute.device === 'webgpu' && compute.isSimulated;
  const more = { allowSimulated, dtypes, ...(signal === undefined ? {} : { signal }) };
  return orderModel(id, { urls, devices: deviceFacts(compute), ...more });
}

/**
 * Downloads a model, by its id or with `#task` behind it, in the dtype that suits this browser, and finds out where it runs. Errors: those of `lookAtModel` and
 * `installModel`.
 */
export async function bringModel(id: string, options: BringOptions): Promise<BroughtWebModel> {
  const { compute, signal } = options;
  const order = await lookAtModel(id, options);
  const installed = await installModel(order, options);
  const on = await deviceOf(installed, compute, (device) => ({
    ...loadOf(installed, device, compute),
    allowSoftware: compute.isSimulated,
  }));
  signal?.throwIfAborted();
  const instead = options.dtypes === undefined ? dtypesInstead(installed.dtype, on.device) : null;
  const other = instead === null ? null : await bringInstead(id, order, { ...options, dtypes: instead });
  return other ?? heldOf(installed, on, loadOf(installed, on.device, compute));
}

/** Null where there is no other dtype to be had: the model runs in the one that came, if more slowly. */
async function bringInstead(id: string, before: ModelOrder, options: BringOptions): Promise<BroughtWebModel | null> {
  try {
    return await bringModel(id, options);
  } catch {
    options.signal?.throwIfAborted();
    await installModel(before, options);
    return null;
  }
}

/** Takes away what came of a download that nobody wants any more. */
export async function discardModel(id: string, options: Pick<BringOptions, 'urls' | 'compute'>): Promise<void> {
  await discardOrder(await lookAtModel(id, options));
}

function loadOf(
  { location, dtype, sizeBytes, task }: InstalledWebModel,
  device: string,
  { threads }: ComputeDevice,
): LoadRequest {
  const load = { location, dtype, device, threads: sizeBytes < ONE_THREAD_BELOW_BYTES ? 1 : threads };
  return task === undefined ? load : { ...load, task };
}

function heldOf(installed: InstalledWebModel, { device, trials }: ModelDevice, load: LoadRequest): BroughtWebModel {
  return {
    served: {
      ...servedModelOf(installed, device),
      ...(trials.length === 0 ? {} : { trials: [...trials] }),
    },
    execution: executionOf(installed, device),
    load,
    reason: installed.dtypeReason,
    location: installed.location,
    forget: () => forgetModel(installed.location),
  };
}

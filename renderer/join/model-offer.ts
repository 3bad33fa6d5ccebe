import type { ModelDesk } from '../../shared/downloads/model-desk.ts';
import { Problem, toProblem } from '../../shared/problems/problem.ts';
import { lookAtModel } from '../inference/bring-model.ts';
import type { ComputeDevice } from '../inference/compute-device.ts';
import { missingBytes } from '../inference/model-cache.ts';
import type { ModelUrls } from '../inference/model-source.ts';
import { planRoom, type RoomWanted } from '../inference/stored-models.ts';
import type { ShownOffer, ShownProblem } from './node-messages.ts';

export type OfferOptions = Pick<RoomWanted, 'quotaBytes' | 'mayGo'> & {
  urls: ModelUrls;
  compute: ComputeDevice;
  desk: Pick<ModelDesk, 'look'>;
};

/** What a model would bring, in which form and why, and whether there is room; nothing of it is kept. Never rejects. */
export async function offerOf(model: string, options: OfferOptions): Promise<ShownOffer> {
  const { urls, compute, quotaBytes, mayGo } = options;
  try {
    // Says first whether it is here already.
    await options.desk.look(model);
    const order = await lookAtModel(model, { urls, compute });
    const { dtype, reason, weightsBytes } = order.chosen;
    const missing = await missingBytes(order);
    const room = await planRoom({ bytes: missing, quotaBytes, mayGo }).catch(shownOrThrown);
    const leaving = Array.isArray(room) ? room.map(({ id }) => id) : [];
    const problem = Array.isArray(room) ? null : room;
    return { model, state: 'made', dtype, reason, weightsBytes, missingBytes: missing, leaving, problem };
  } catch (error) {
    return { model, state: 'refused', problem: shown(toProblem(error, 'model_download_failed')) };
  }
}

function shownOrThrown(error: unknown): ShownProblem {
  if (error instanceof Problem) return shown(error);
  throw error;
}

function shown({ code, message }: Problem): ShownProblem {
  return { code, message };
}

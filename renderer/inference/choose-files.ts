import { externalDataFiles, planModel, weightsFile } from '../../shared/downloads/model-plan.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { type DeviceFact, objectionTo } from '../../shared/runtimes/devices/choose-device.ts';
import { dtypesFor } from '../../shared/runtimes/devices/dtype-order.ts';
import type { JsonObject } from '../../shared/runtimes/transformers/model-files.ts';
import type { ListedModel } from './model-source.ts';

/** What the order of dtypes was made for. */
export type DtypeBasis = 'half_precision' | 'gpu' | 'processor' | 'given';

/** Why a dtype was taken: for which device, and what became of those that come before it in the order. */
export type DtypeReason = {
  basis: DtypeBasis;
  passedOver: { dtype: string; why: 'absent' | 'memory' }[];
};

export type ChosenFiles = {
  dtype: string;
  reason: DtypeReason;
  /** In the order of the model's parts. */
  weights: string[];
  /** Of the weights and of what lies beside them. */
  weightsBytes: number;
  /** All that is to be downloaded; the weights come last. */
  names: string[];
  totalBytes: number;
};

export type FilesQuestion = {
  listed: ListedModel;
  config: JsonObject;
  /** That it is to do, where its files would say something else. */
  task?: string | undefined;
  devices: readonly DeviceFact[];
  /** Instead of the order that suits the devices. */
  dtypes?: readonly string[] | undefined;
  /** For tests alone. */
  allowSimulated?: boolean;
};

/**
 * The files of a model in the first dtype, in the order that the app and the node without a screen use, that the source
 * has and some device can take. Errors: `model_files_missing`, `node_out_of_memory`, `model_load_failed` for a task that it
 * does not do.
 */
export function chooseFiles(question: FilesQuestion): ChosenFiles {
  const { listed, config, devices, allowSimulated = false } = question;
  const plan = planModel({ id: listed.id, task: question.task }, config);
  const order = question.dtypes ?? dtypesFor(devices, allowSimulated);
  const passedOver: DtypeReason['passedOver'] = [];
  for (const dtype of order) {
    const weights = plan.parts.map((part) => weightsFile(dtype, part));
    const beside = weights.flatMap((name) => besideOf(listed, config, name));
    if (weights.some((name) => listed.files[name] === undefined)) {
      passedOver.push({ dtype, why: 'absent' });
      continue;
    }
    const weightsBytes = bytesOf(listed, [...beside, ...weights]);
    const fact = { dtype, sizeBytes: weightsBytes };
    if (!devices.some((device) => objectionTo(device, fact, allowSimulated) === undefined)) {
      passedOver.push({ dtype, why: 'memory' });
      continue;
    }
    const small = [...plan.required, ...plan.optional.filter((name) => listed.files[name] !== undefined)];
    const names = [...small, ...beside, ...weights];
    const basis = question.dtypes === undefined ? basisOf(devices, allowSimulated) : 'given';
    const reason = { basis, passedOver };
    return { dtype, reason, weights, weightsBytes, names, totalBytes: bytesOf(listed, names) };
  }
  throw nothingFits(listed.id, passedOver);
}

function besideOf({ files }: ListedModel, config: JsonObject, weights: string): string[] {
  const declared = externalDataFiles(config, weights);
  return (declared.length > 0 ? declared : [`${weights}_data`]).filter((name) => files[name] !== undefined);
}

function bytesOf({ files }: ListedModel, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (files[name]?.sizeBytes ?? 0), 0);
}

function basisOf(devices: readonly DeviceFact[], allowSimulated: boolean): DtypeBasis {
  const order = dtypesFor(devices, allowSimulated);
  if (order[0] === 'q4f16') return 'half_precision';
  return order[0] === 'q4' ? 'gpu' : 'processor';
}

function nothingFits(id: string, passedOver: DtypeReason['passedOver']): Problem {
  const large = passedOver.filter(({ why }) => why === 'memory').map(({ dtype }) => dtype);
  if (large.length > 0) {
    return new Problem(
      'node_out_of_memory',
      `'${id}' needs more memory than this browser has, also as ${large.at(-1)}.`,
    );
  }
  const looked = passedOver.map(({ dtype }) => dtype).join(', ');
  return new Problem('model_files_missing', `The relay has no weights of '${id}' for this browser (${looked}).`);
}

import { Problem } from '../../../shared/problems/problem.ts';
import type { ServedModel } from '../../../shared/protocol/capabilities.ts';
import type { JobType } from '../../../shared/protocol/subjects.ts';
import type { RelayServices } from '../../services.ts';

const ADDRESS: Record<ServedModel['type'], string> = {
  llm: '/v1/chat/completions',
  vision: '/v1/chat/completions',
  embed: '/v1/embeddings',
  stt: '/v1/capability/stt',
  tts: '/v1/capability/tts',
  ocr: '/v1/capability/ocr',
  image: '/v1/capability/image',
};

/** Passes a model that is known and does this kind of work. Errors: `model_not_found`, `invalid_value`. */
export function assertModelFor(type: JobType, model: string, services: RelayServices): void {
  services.models.assertKnown(model);
  // Nodes that serve one name serve one kind of model, so that the first speaks for all.
  const [node] = services.table.serving(model);
  const served = node?.document.served_models.find(({ name }) => name === model);
  if (served === undefined || served.type === type) return;
  throw new Problem('invalid_value', `${model} cannot do this; ask it at ${ADDRESS[served.type]}.`, { param: 'model' });
}

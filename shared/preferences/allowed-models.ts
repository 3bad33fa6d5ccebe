import { OPERATOR_CLIENT, objectionTo } from '../policy/decide.ts';
import type { PublicPolicy } from '../policy/node-policy.ts';
import type { ServedModel } from '../protocol/capabilities.ts';
import { JOB_TYPES, type JobType } from '../protocol/subjects.ts';
import type { Why } from './why.ts';

type Offered = Pick<ServedModel, 'name' | 'type'>;
type Choices = Pick<PublicPolicy, 'services' | 'models'>;
const NO_SIZE = { inputCharacters: 0, inputBytes: 0, inputs: 0, outputTokens: null };

/** Why no job can come to a node that is open, where its owner allows nothing of what it has; undefined where one can. Pure. */
export function whyNothingAllowed(models: readonly Offered[], { services, models: names }: Choices): Why | undefined {
  // A node that has found nothing yet is kept from nothing.
  if (models.length === 0) return undefined;
  const byService = services === undefined ? {} : { services };
  const byName = names === undefined ? {} : { models: names };
  if (models.every((model) => isRefused(model, byService))) return { is: 'no_service_allowed' };
  return models.every((model) => isRefused(model, { ...byService, ...byName }))
    ? { is: 'no_model_allowed' }
    : undefined;
}

/** Whether any job of it would be, for whoever and however small. */
function isRefused({ name, type }: Offered, choices: Choices): boolean {
  // What no type of job asks for is not the owner's refusal.
  if (!isJobType(type)) return false;
  return objectionTo({ type, model: name, client: OPERATOR_CLIENT, size: NO_SIZE }, choices) !== undefined;
}

function isJobType(type: string): type is JobType {
  return (JOB_TYPES as readonly string[]).includes(type);
}

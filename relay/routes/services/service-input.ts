import { ChatCompletionRequest } from '../../../shared/api/chat.ts';
import { EmbeddingsRequest } from '../../../shared/api/embeddings.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { JobInput } from '../../../shared/protocol/messages.ts';
import type { JobType } from '../../../shared/protocol/subjects.ts';
import { validatorOf } from '../../../shared/protocol/validator.ts';
import type { JsonSchema } from '../../../shared/registry/json-schema.ts';
import { fillTemplate } from '../../../shared/registry/prompt.ts';
import type { ServiceDefinition } from '../../../shared/registry/service.ts';
import { readTextRequest } from '../openai/chat-request.ts';
import { readInputs } from '../openai/embeddings.ts';

const chat = validatorOf(ChatCompletionRequest);
const embeddings = validatorOf(EmbeddingsRequest);

/** Which model it will be is decided by what is asked. */
const UNDECIDED = 'undecided';

/** Members that a service on a language model may take from its caller. */
const SAMPLING = ['max_tokens', 'temperature', 'top_p', 'seed', 'stop'] as const;

/**
 * What a node is asked, from an input that has passed the schema of its service. Errors: `invalid_value` for what the
 * schema of an operator lets through and no model takes, and the refusals of `readTextRequest`.
 */
export function readJobInput(service: ServiceDefinition, type: JobType, input: JsonSchema): JobInput {
  if (type === 'llm') {
    const body = { model: UNDECIDED, ...chatBody(service, input) };
    if (chat.Check(body)) return readTextRequest(body);
    throw unfit(service, chat.Errors(body)[0]);
  }
  if (type === 'embed') {
    const body = { model: UNDECIDED, input: textsOf(service, input), dimensions: input.dimensions ?? null };
    if (embeddings.Check(body)) return { dimensions: body.dimensions ?? null, inputs: readInputs(body.input) };
    throw unfit(service, embeddings.Errors(body)[0]);
  }
  const { model: _, ...rest } = input;
  return rest;
}

function chatBody(service: ServiceDefinition, input: JsonSchema): JsonSchema {
  const sampling = SAMPLING.filter((name) => input[name] != null).map((name) => [name, input[name]]);
  return { ...Object.fromEntries(sampling), ...formatOf(service, input), messages: messagesOf(service, input) };
}

function formatOf({ runtime: { answer }, output }: ServiceDefinition, input: JsonSchema): JsonSchema {
  if (answer === 'json') return { response_format: { type: 'json_schema', json_schema: { schema: output } } };
  return typeof answer === 'object' ? { structured_outputs: { choice: input[answer.choice] } } : {};
}

function messagesOf({ runtime: { prompt } }: ServiceDefinition, input: JsonSchema): unknown {
  if (prompt === undefined) return input.messages ?? [{ role: 'user', content: input.prompt }];
  const user = { role: 'user', content: fillTemplate(prompt.user, input) };
  if (prompt.system === undefined) return [user];
  return [{ role: 'system', content: fillTemplate(prompt.system, input) }, user];
}

/** A query goes first, as a ranking is read. */
function textsOf({ runtime: { answer } }: ServiceDefinition, { input, query, documents }: JsonSchema): unknown {
  return answer === 'ranking' ? [query, ...(Array.isArray(documents) ? documents : [])] : input;
}

function unfit({ id }: ServiceDefinition, at: { instancePath: string; message: string } | undefined): Problem {
  const path = (at?.instancePath ?? '').slice(1).replaceAll('/', '.');
  const why = at === undefined ? 'is not what a model takes' : `${path === '' ? 'it' : path} ${at.message}`;
  const sentence = `The schema of ${id} lets through what its model cannot take: ${why}.`;
  return new Problem('invalid_value', sentence, path === '' ? {} : { param: path });
}

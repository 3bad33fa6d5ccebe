import { ChatCompletionRequest } from '../../../shared/api/chat.ts';
import { EmbeddingsRequest } from '../../../shared/api/embeddings.ts';
import type { TaskRequest } from '../../../shared/api/nodes.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { ChatInput, JobInput } from '../../../shared/protocol/messages.ts';
import { JOB_TYPES, type JobType } from '../../../shared/protocol/subjects.ts';
import { validatorOf } from '../../../shared/protocol/validator.ts';
import type { LiveNode } from '../../fabric/nodes/node-table.ts';
import type { JobOrder } from '../../services.ts';
import { readTextRequest } from '../openai/chat-request.ts';
import { readInputs } from '../openai/embeddings.ts';

const chat = validatorOf(ChatCompletionRequest);
const embeddings = validatorOf(EmbeddingsRequest);

/** What a task asks of this node. Errors: `missing_required_parameter`, `invalid_value`, `model_not_found`. */
export function readTaskOrder(body: TaskRequest, node: LiveNode): JobOrder {
  const type = readType(body);
  const model = modelFor(type, body.model, node);
  return { type, model, stream: false, input: readInput(type, model, body.input) };
}

function readType({ type, service }: TaskRequest): JobType {
  const name = type ?? service;
  if (name == null) {
    throw new Problem('missing_required_parameter', "Missing required parameter: 'type'.", { param: 'type' });
  }
  if (type != null && service != null && type !== service) {
    throw new Problem('invalid_value', 'type and service say different things. Send one of them.', {
      param: 'service',
    });
  }
  const found = JOB_TYPES.find((known) => known === name);
  if (found !== undefined) return found;
  throw new Problem('invalid_value', `The type must be one of ${JOB_TYPES.join(', ')}.`, {
    param: type == null ? 'service' : 'type',
  });
}

function modelFor(type: JobType, wanted: string | null | undefined, node: LiveNode): string {
  const models = node.document.served_models.filter((served) => served.type === type);
  const model = wanted == null ? models[0] : models.find(({ name }) => name === wanted);
  if (model !== undefined) return model.name;
  const served = models.map(({ name }) => name).join(', ') || 'none';
  throw new Problem('model_not_found', `Node ${node.id} does not serve that. Its models of type ${type}: ${served}.`, {
    param: 'model',
  });
}

/** Reads the input of a task or job in the form of its type. Errors: `invalid_value`, `unsupported_parameter`. */
export function readInput(type: JobType, model: string, input: unknown): JobInput {
  if (type === 'llm') {
    const body = { model, ...(typeof input === 'string' ? conversation(input) : withMessages(objectOf(input))) };
    if (chat.Check(body)) return onlyText(readTextRequest(body));
    throw wrongInput('a text, or the body of a chat completion', chat.Errors(body)[0]);
  }
  if (type === 'embed') {
    const body = { model, ...(typeof input === 'string' || Array.isArray(input) ? { input } : objectOf(input)) };
    if (embeddings.Check(body)) return { inputs: readInputs(body.input), dimensions: body.dimensions ?? null };
    throw wrongInput('a text, several, or the body of an embeddings call', embeddings.Errors(body)[0]);
  }
  return objectOf(input);
}

/** A task's result is one text. */
function onlyText(input: ChatInput): ChatInput {
  const asked = { n: input.choices, tools: input.tools, logprobs: input.topLogprobs };
  for (const [param, value] of Object.entries(asked)) {
    if (value === undefined) continue;
    throw new Problem('unsupported_parameter', `A task answers with one text, so that it takes no ${param}.`, {
      param,
    });
  }
  return input;
}

function conversation(text: string): { messages: { role: string; content: string }[] } {
  return { messages: [{ role: 'user', content: text }] };
}

/** The service takes one message as `prompt`, which chat completions do not know. */
function withMessages({ prompt, ...body }: Record<string, unknown>): Record<string, unknown> {
  if (typeof prompt !== 'string') return body;
  if (body.messages === undefined) return { ...body, ...conversation(prompt) };
  throw new Problem('invalid_value', 'Send either prompt or messages, not both.', { param: 'input.prompt' });
}

function objectOf(input: unknown): Record<string, unknown> {
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as Record<string, unknown>;
  throw wrongInput('an object', undefined);
}

function wrongInput(wanted: string, at: { instancePath: string; message: string } | undefined): Problem {
  const path = at === undefined ? '' : at.instancePath.replaceAll('/', '.');
  const why = at === undefined ? '' : ` ${path === '' ? 'It' : `input${path}`} ${at.message}.`;
  return new Problem('invalid_value', `The input must be ${wanted}.${why}`, { param: `input${path}` });
}

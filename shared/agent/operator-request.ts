import { Problem } from '../problems/problem.ts';
import type { ServedModel } from '../protocol/capabilities.ts';
import { messageReader } from '../protocol/codec.ts';
import type { ChatMessage, JobRequest } from '../protocol/messages.ts';
import { OperatorChat, OperatorEmbed, OperatorTask } from '../protocol/operator.ts';
import type { JobType } from '../protocol/subjects.ts';

type Unaddressed<Request> = Request extends JobRequest ? Omit<Request, 'job' | 'attempt' | 'epoch'> : never;

const readChat = messageReader(OperatorChat, 'chat request');
const readEmbed = messageReader(OperatorEmbed, 'embedding request');
const readTask = messageReader(OperatorTask, 'request');
/** An operator's program that says nothing waits no longer than an HTTP client would. */
const TIMEOUT_MS = 600_000;

/**
 * Turns what an operator's program sent into what the relay would have sent.
 * Errors: `protocol_violation` with the place, `invalid_value`, `missing_required_parameter`, `model_not_found`.
 */
export function readOperatorRequest(
  type: JobType,
  data: Uint8Array,
  models: readonly ServedModel[],
): Unaddressed<JobRequest> {
  if (type === 'llm') {
    const body = readChat(data);
    return { ...common(type, body, models), type, stream: false, input: chatInput(body) };
  }
  if (type === 'embed') {
    const body = readEmbed(data);
    const inputs = typeof body.input === 'string' ? [body.input] : body.input;
    return { ...common(type, body, models), type, input: { inputs, dimensions: body.dimensions ?? null } };
  }
  const body = readTask(data);
  const { model: _model, timeout_ms: _timeout, ...input } = body;
  return { ...common(type, body, models), type, input };
}

type Common = { model?: string | null; timeout_ms?: number | null };

function common(type: JobType, body: Common, models: readonly ServedModel[]): { model: string; timeoutMs: number } {
  const ofType = models.filter((model) => model.type === type);
  const chosen = ofType.find(({ state }) => state === 'warm') ?? ofType[0];
  const model = body.model ?? chosen?.name;
  if (model === undefined) throw new Problem('model_not_found', `This node has no model for ${type}.`);
  const served = models.find(({ name }) => name === model);
  if (served === undefined || served.type !== type) {
    throw new Problem('model_not_found', `This node serves no model '${model}' for ${type}.`, { param: 'model' });
  }
  return { model, timeoutMs: body.timeout_ms ?? TIMEOUT_MS };
}

function chatInput(body: OperatorChat) {
  return {
    messages: messagesOf(body),
    maxTokens: body.max_tokens ?? null,
    temperature: body.temperature ?? null,
    topP: body.top_p ?? null,
    seed: body.seed ?? null,
    stop: body.stop ?? [],
  };
}

function messagesOf({ messages, prompt, system }: OperatorChat): ChatMessage[] {
  if (messages != null && prompt != null) {
    throw new Problem('invalid_value', 'Send either messages or prompt, not both.', { param: 'prompt' });
  }
  const told: ChatMessage[] = messages ?? (prompt == null ? [] : [{ role: 'user', content: prompt }]);
  if (told.length === 0) throw new Problem('missing_required_parameter', 'Send messages, or a prompt.');
  return system == null ? told : [{ role: 'system', content: system }, ...told];
}

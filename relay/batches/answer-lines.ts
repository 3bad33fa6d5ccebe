import type { BatchEndpoint } from '../../shared/api/batches.ts';
import type { Usage } from '../../shared/protocol/messages.ts';
import type { BatchLine } from '../store/batch-store.ts';
import type { QueuedJob } from '../store/queued-job-store.ts';

type Kept = { usage: Usage } & ({ text: string; finish_reason: string } | { embeddings: number[][] });

/** What an answered line says in the output file. */
export function answerLine({ customId, jobId }: BatchLine, job: QueuedJob, result: string): string {
  const body = bodyOf(job, JSON.parse(result) as Kept);
  const response = { status_code: 200, request_id: job.requestId, body };
  return `${JSON.stringify({ id: `batch_req_${jobId}`, custom_id: customId, response, error: null })}\n`;
}

/** What any other line says in the error file. */
export function errorLine({ customId, jobId }: BatchLine, job: QueuedJob | undefined): string {
  const problem = job?.changes.at(-1)?.problem ?? null;
  const error =
    problem === null
      ? { code: 'result_not_found', message: 'The job or its result was deleted.' }
      : { code: problem.code, message: problem.detail };
  return `${JSON.stringify({ id: `batch_req_${jobId}`, custom_id: customId, response: null, error })}\n`;
}

function bodyOf({ id, model, finishedAt, createdAt }: QueuedJob, kept: Kept): unknown {
  const { inputTokens, outputTokens } = kept.usage;
  if ('embeddings' in kept) {
    const data = kept.embeddings.map((embedding, index) => ({ object: 'embedding', index, embedding }));
    return { object: 'list', data, model, usage: { prompt_tokens: inputTokens, total_tokens: inputTokens } };
  }
  const message = { role: 'assistant', content: kept.text, refusal: null };
  return {
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    created: Math.floor((finishedAt ?? createdAt) / 1_000),
    model,
    choices: [{ index: 0, message, finish_reason: kept.finish_reason, logprobs: null }],
    usage: {
      prompt_tokens: inputTokens,
      completion_tokens: outputTokens,
      total_tokens: inputTokens + outputTokens,
    },
  };
}

export const SERVICE_OF_ENDPOINT: Readonly<Record<BatchEndpoint, string>> = {
  '/v1/chat/completions': 'llm/inference',
  '/v1/embeddings': 'embed/text',
};

import { EmbeddingsRequest, EmbeddingsResponse } from '../../../shared/api/embeddings.ts';
import type { EmbedInput } from '../../../shared/protocol/messages.ts';
import type { AnswerSink } from '../../jobs/attempt.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { watchHangUps } from '../http/hang-up.ts';
import { rateLimitHeaders } from '../http/rate-limit-headers.ts';
import { sendJson } from '../http/send-json.ts';
import { answerHeaders, ignoredHeader } from '../jobs/answer-headers.ts';
import { readRoutingOptions } from '../routing/routing-options.ts';
import type { AnsweredJob, WholeAnswer } from './whole-answer.ts';

const HONOURED = new Set(['model', 'input', 'encoding_format', 'dimensions', 'routing']);
const BYTES_PER_FLOAT = 4;

export function registerEmbeddingsRoute(app: RelayApp, services: RelayServices): void {
  const hangUpOf = watchHangUps(app);
  app.post(
    '/v1/embeddings',
    {
      config: { access: 'inference' },
      schema: {
        summary: 'Turn texts into vectors',
        tags: ['OpenAI'],
        body: EmbeddingsRequest,
        response: { 200: EmbeddingsResponse },
      },
    },
    async (request, reply) => {
      const { body } = request;
      services.models.assertKnown(body.model, 'embed');
      const input = readEmbedInput(body);
      const routing = readRoutingOptions(body.routing, services);
      const job = services.newJob(request, { type: 'embed', model: body.model, stream: false, input, ...routing });
      reply.headers({ ...answerHeaders(job), ...rateLimitHeaders(request.principal, services) });
      const hangUp = hangUpOf(reply.raw);
      const answer = embeddingsAnswer(job, body);
      const { node, done } = await services.jobs.run(job, answer.sink, hangUp.controller).finally(hangUp.stop);
      const ignored = Object.entries(body).flatMap(([key, value]) => (HONOURED.has(key) || value == null ? [] : [key]));
      reply.headers({ ...ignoredHeader(ignored), 'x-sparewatt-node': node.id });
      return sendJson(reply, answer.of(done));
    },
  );
}

/** What a node is asked by a body that has passed the schema. */
export function readEmbedInput(body: EmbeddingsRequest): EmbedInput {
  return { dimensions: body.dimensions ?? null, inputs: readInputs(body.input) };
}

/** The body of the answer, with the vectors in the form that was asked for. */
export function embeddingsAnswer({ model }: AnsweredJob, { encoding_format: format }: EmbeddingsRequest): WholeAnswer {
  const vectors = collectVectors();
  return {
    sink: vectors,
    of: ({ usage: { inputTokens: tokens } }): EmbeddingsResponse => ({
      object: 'list',
      data: vectors.all().map((bytes, index) => ({
        object: 'embedding',
        index,
        embedding: format === 'base64' ? bytes.toString('base64') : floatsOf(bytes),
      })),
      model,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    }),
  };
}

/** One list of texts or of tokens, whichever form the client sent. */
export function readInputs(input: EmbeddingsRequest['input']): EmbedInput['inputs'] {
  if (typeof input === 'string') return [input];
  const [first] = input;
  // One list of numbers is one text in tokens, a list of lists is several.
  return typeof first === 'number' ? [input as number[]] : (input as EmbedInput['inputs']);
}

/** The vectors of an answer as their bytes. The attempt has already held every frame to its size, place and number (SPEC J11). */
export function collectVectors(): Pick<Required<AnswerSink>, 'vectors' | 'takeBack'> & { all(): Buffer[] } {
  let vectors: Buffer[] = [];
  return {
    vectors: (frame) => {
      const bytes = Buffer.from(frame.data, 'base64');
      const rowBytes = frame.dimensions * BYTES_PER_FLOAT;
      for (let row = 0; row < frame.count; row++) vectors.push(bytes.subarray(row * rowBytes, (row + 1) * rowBytes));
    },
    takeBack: () => {
      vectors = [];
    },
    all: () => vectors,
  };
}

export function floatsOf(bytes: Buffer): number[] {
  const floats: number[] = [];
  for (let at = 0; at < bytes.length; at += BYTES_PER_FLOAT) floats.push(bytes.readFloatLE(at));
  return floats;
}

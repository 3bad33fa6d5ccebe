import type { FastifyRequest } from 'fastify';
import { ImageRequest, ImageResponse } from '../../../shared/api/images.ts';
import { sizeOf } from '../../../shared/policy/decide.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { DoneFrame, JsonInput } from '../../../shared/protocol/messages.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { watchHangUps } from '../http/hang-up.ts';
import { sendJson } from '../http/send-json.ts';
import { ignoredHeader } from '../jobs/answer-headers.ts';
import { chooseModel } from '../routing/choose-model.ts';
import { readRoutingOptions } from '../routing/routing-options.ts';
import { runObjectJob } from './object-job.ts';

const HONOURED = new Set(['prompt', 'model', 'n', 'size', 'seed', 'routing']);
/** What a picture comes as, whether it is asked for or not; anything else is refused. */
const ONLY: Readonly<Record<string, readonly unknown[]>> = {
  response_format: ['b64_json'],
  output_format: ['png'],
  background: ['auto', 'opaque'],
  stream: [false],
};
const RETRY_AFTER_MS = 1_000;

/** `POST /v1/images/generations`: pictures of a text. The other routes of pictures say that no model does them. */
export function registerImageRoutes(app: RelayApp, services: RelayServices): void {
  const ports = { services, hangUpOf: watchHangUps(app) };
  app.post(
    '/v1/images/generations',
    {
      config: { access: 'inference' },
      schema: {
        summary: 'Paint pictures of a text',
        tags: ['OpenAI'],
        body: ImageRequest,
        response: { 200: ImageResponse },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const input = inputOf(body);
      const model = await modelFor(request, body, input, services);
      const order = { type: 'image', model, input, ...readRoutingOptions(body.routing, services) } as const;
      const form = { names: {}, read: readPictures };
      const { done, output } = await runObjectJob(order, form, request, reply, ports);
      const ignored = Object.entries(body).flatMap(([key, value]) =>
        HONOURED.has(key) || key in ONLY || value == null ? [] : [key],
      );
      reply.headers(ignoredHeader(ignored));
      return sendJson(reply, answerOf(output, done.usage));
    },
  );
  for (const kind of ['edits', 'variations']) registerMissingRoute(app, kind);
}

/** Its body is a form that nobody reads. */
function registerMissingRoute(app: RelayApp, kind: string): void {
  app.post(
    `/v1/images/${kind}`,
    {
      config: { access: 'inference' },
      schema: {
        summary: `Not done by any model here: ${kind} of pictures`,
        tags: ['OpenAI'],
        response: { 200: ImageResponse },
      },
      preParsing: async () => {
        throw new Problem('service_not_runnable', `No model here makes ${kind} of pictures. Paint a new one instead.`);
      },
    },
    async () => {
      throw new TypeError('past a refusal');
    },
  );
}

function inputOf(body: ImageRequest): JsonInput {
  for (const [param, allowed] of Object.entries(ONLY)) {
    const value = body[param as keyof ImageRequest];
    if (value == null || allowed.includes(value)) continue;
    const sentence = `Pictures come whole, as png in base64. Leave ${param} out.`;
    throw new Problem('unsupported_parameter', sentence, { param });
  }
  const { prompt, n, size, seed } = body;
  return {
    prompt,
    ...(n == null ? {} : { n }),
    ...(size == null ? {} : { size }),
    ...(seed == null ? {} : { seed }),
  };
}

async function modelFor(
  { principal }: FastifyRequest,
  { model: wanted }: ImageRequest,
  input: JsonInput,
  services: RelayServices,
): Promise<string> {
  if (wanted != null) {
    services.models.assertKnown(wanted, 'image');
    return wanted;
  }
  const asked = { type: 'image', size: sizeOf({ type: 'image', input }) } as const;
  const chosen = await chooseModel(asked, principal, {}, services);
  if (chosen !== undefined) return chosen.model;
  throw new Problem('no_capacity', 'No node paints now. Start a node with a model that does, or try again later.', {
    retryAfterMs: RETRY_AFTER_MS,
  });
}

type Painted = { image: string; width?: number; height?: number };

function readPictures(output: JsonInput): Painted[] {
  const pictures: unknown[] = Array.isArray(output.results) ? output.results : [output];
  if (pictures.length > 0 && pictures.every(isPng)) return pictures;
  throw new Problem('node_fault', "The node's answer is no picture. Try again, or choose another model.");
}

function isPng(value: unknown): value is Painted {
  const { image, media_type } = (value ?? {}) as Record<string, unknown>;
  return typeof image === 'string' && media_type === 'image/png';
}

function answerOf(pictures: readonly Painted[], { inputTokens, outputTokens }: DoneFrame['usage']): ImageResponse {
  const { width, height } = pictures[0] ?? {};
  return {
    created: Math.floor(Date.now() / 1_000),
    data: pictures.map(({ image }) => ({ b64_json: image })),
    output_format: 'png',
    ...(Number.isInteger(width) && Number.isInteger(height) ? { size: `${width}x${height}` } : {}),
    usage: {
      input_tokens: inputTokens,
      output_tokens: outputTokens,
      total_tokens: inputTokens + outputTokens,
      input_tokens_details: { text_tokens: inputTokens, image_tokens: 0 },
    },
  };
}

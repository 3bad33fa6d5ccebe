import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { SPEECH_FORMATS, SpeechRequest } from '../../../shared/api/audio.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { JsonInput } from '../../../shared/protocol/messages.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { watchHangUps } from '../http/hang-up.ts';
import { ignoredHeader } from '../jobs/answer-headers.ts';
import { readRoutingOptions } from '../routing/routing-options.ts';
import { sendEvents } from './audio-events.ts';
import { runObjectJob } from './object-job.ts';

const HONOURED = new Set(['model', 'input', 'voice', 'response_format', 'speed', 'stream_format', 'routing']);

/** `POST /v1/audio/speech`: a text, spoken. */
export function registerSpeechRoute(app: RelayApp, services: RelayServices): void {
  const ports = { services, hangUpOf: watchHangUps(app) };
  app.post(
    '/v1/audio/speech',
    {
      config: { access: 'inference' },
      schema: {
        summary: 'Speak a text',
        tags: ['OpenAI'],
        body: SpeechRequest,
        response: {
          200: { description: 'The recording', content: { 'audio/wav': { schema: Type.String() } } },
        },
      },
    },
    async (request, reply) => {
      const { body } = request;
      services.models.assertKnown(body.model, 'tts');
      const routing = readRoutingOptions(body.routing, services);
      const order = { type: 'tts', model: body.model, input: inputOf(body), ...routing } as const;
      const names = { text: 'input', format: 'response_format' };
      const { output, done } = await runObjectJob(order, { names, read: readSpeech }, request, reply, ports);
      const { audio, mediaType } = output;
      const ignored = Object.entries(body).flatMap(([key, value]) => (HONOURED.has(key) || value == null ? [] : [key]));
      reply.headers(ignoredHeader(ignored));
      const { inputTokens, outputTokens } = done.usage;
      const usage = {
        input_tokens: inputTokens,
        output_tokens: outputTokens,
        total_tokens: inputTokens + outputTokens,
      };
      if (body.stream_format === 'sse') {
        return sendEvents(reply, [
          { type: 'speech.audio.delta', audio },
          { type: 'speech.audio.done', usage },
        ]);
      }
      return sendBytes(reply.type(mediaType), Buffer.from(audio, 'base64'));
    },
  );
}

function inputOf({ input, voice, response_format, speed }: SpeechRequest): JsonInput {
  const format = response_format ?? 'wav';
  if (!(SPEECH_FORMATS as readonly string[]).includes(format)) {
    throw new Problem('invalid_value', `Speech comes as ${SPEECH_FORMATS.join(' or ')}. Ask for one of them.`, {
      param: 'response_format',
    });
  }
  const name = typeof voice === 'object' ? voice?.id : voice;
  return { text: input, format, ...(name == null ? {} : { voice: name }), ...(speed == null ? {} : { speed }) };
}

function readSpeech({ audio, media_type }: JsonInput): { audio: string; mediaType: string } {
  // A node must not choose how a browser reads its bytes.
  if (typeof audio === 'string' && (media_type === 'audio/wav' || media_type === 'audio/pcm')) {
    return { audio, mediaType: media_type };
  }
  throw new Problem('node_fault', "The node's answer is no recording. Try again, or choose another model.");
}

/** Past the types of the route, which know only its JSON. */
function sendBytes(reply: unknown, bytes: Buffer): FastifyReply {
  return (reply as FastifyReply).send(bytes);
}

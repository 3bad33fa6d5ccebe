import type { FastifyReply, FastifyRequest } from 'fastify';
import { TranscriptionForm, TranscriptionResponse } from '../../../shared/api/audio.ts';
import { ErrorResponse } from '../../../shared/api/errors.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { ignoredHeader } from '../answer-headers.ts';
import { watchHangUps } from '../hang-up.ts';
import { sendJson } from '../send-json.ts';
import { readTranscriptionForm, type TranscriptionWishes } from './audio-form.ts';
import { type ObjectJobPorts, runObjectJob } from './object-job.ts';
import { readTranscript, type Transcript, transcriptText, usageOfSound, verboseTranscript } from './transcript.ts';
import { streamTranscript } from './transcript-stream.ts';

/** What the rest of a job request takes beside its file. */
const REQUEST_BYTES = 64 * 1024;
/** A file travels to its node in one message, in base64, which makes four bytes of three. */
const MOST_FORM_BYTES = Math.floor(((LIMITS.maxMessageBytes - REQUEST_BYTES) * 3) / 4);
const FORM = 'multipart/form-data';

const TASKS = [
  ['transcriptions', 'transcribe', 'Write down what is said in a recording'],
  ['translations', 'translate', 'Write down in English what is said in a recording'],
] as const;

/** `POST /v1/audio/transcriptions` and `translations`. Their bodies are forms; those of all other routes are JSON. */
export function registerTranscriptionRoutes(app: RelayApp, services: RelayServices): void {
  const ports = { services, hangUpOf: watchHangUps(app) };
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    const read = { parseAs: 'buffer', bodyLimit: MOST_FORM_BYTES } as const;
    scope.addContentTypeParser(FORM, read, (_request, body, done) => done(null, body));
    scope.addContentTypeParser('*', (_request, _payload, done) => {
      done(new Problem('unsupported_media_type', `Send the body as content-type: ${FORM}.`));
    });
    for (const [path, task, summary] of TASKS) {
      scope.post(
        `/v1/audio/${path}`,
        {
          config: { access: 'inference' },
          bodyLimit: MOST_FORM_BYTES,
          // A form is bytes until it has been read; what is wrong with it is said by who reads it.
          validatorCompiler: () => () => true,
          schema: {
            summary,
            tags: ['OpenAI'],
            consumes: [FORM],
            body: TranscriptionForm,
            response: { 200: TranscriptionResponse, '4xx': ErrorResponse, '5xx': ErrorResponse },
          },
        },
        (request, reply) => transcribe(task, request, reply, ports),
      );
    }
  });
}

async function transcribe(
  task: 'transcribe' | 'translate',
  request: FastifyRequest,
  reply: FastifyReply,
  ports: ObjectJobPorts,
): Promise<FastifyReply> {
  if (request.body == null) throw new Problem('missing_required_parameter', 'Send a form with a file and a model.');
  const wishes = await readTranscriptionForm(request);
  ports.services.models.assertKnown(wishes.model, 'stt');
  const order = { type: 'stt', model: wishes.model, input: inputOf(task, wishes) } as const;
  const names = { audio: 'file', words: 'timestamp_granularities', task: 'model' };
  const headers = ignoredHeader(wishes.ignored);
  if (wishes.stream) return streamTranscript(order, { names, headers, request, reply }, ports);
  const { output } = await runObjectJob(order, names, request, reply, ports);
  reply.headers(headers);
  return send(readTranscript(output), task, wishes, reply);
}

function inputOf(task: string, { file, language, format, wantsWords }: TranscriptionWishes) {
  return {
    audio: file.toString('base64'),
    task,
    // Times cost a model tokens: who wants none asks for none.
    timestamps: format !== 'json' && format !== 'text',
    ...(wantsWords ? { words: true } : {}),
    ...(language === undefined ? {} : { language }),
  };
}

function send(transcript: Transcript, task: string, wishes: TranscriptionWishes, reply: FastifyReply): FastifyReply {
  const usage = usageOfSound(transcript);
  const text = transcriptText(transcript, wishes.format);
  if (text !== undefined) return reply.type('text/plain; charset=utf-8').send(text);
  if (wishes.format === 'json') return sendJson(reply, { text: transcript.text, usage });
  return sendJson(reply, verboseTranscript(transcript, { ...wishes, task }));
}

import type { FastifyReply, FastifyRequest } from 'fastify';
import { TranscriptionForm, TranscriptionResponse } from '../../../shared/api/audio.ts';
import type { HeldFile } from '../../../shared/protocol/messages.ts';
import { ANY_ROUTE, fetchingFiles } from '../../scheduler/routing.ts';
import type { JobOrder, RelayApp, RelayServices } from '../../services.ts';
import { watchHangUps } from '../http/hang-up.ts';
import { sendJson } from '../http/send-json.ts';
import { registerStreamed } from '../http/uploads.ts';
import { ignoredHeader } from '../jobs/answer-headers.ts';
import { readTranscriptionForm, type TranscriptionWishes } from './audio-form.ts';
import { type ObjectJobPorts, runObjectJob } from './object-job.ts';
import { dropRecording, withKeptRecording } from './recording.ts';
import { readTranscript, type Transcript, transcriptText, usageOfSound, verboseTranscript } from './transcript.ts';
import { streamTranscript, type TranscriptCall } from './transcript-stream.ts';

const FORM = 'multipart/form-data';
/** To a node that fetches the recording itself. */
const FETCHING = fetchingFiles(ANY_ROUTE);

const TASKS = [
  ['transcriptions', 'transcribe', 'Write down what is said in a recording'],
  ['translations', 'translate', 'Write down in English what is said in a recording'],
] as const;

/** `POST /v1/audio/transcriptions` and `translations`. Their bodies are forms; those of all other routes are JSON. */
export async function registerTranscriptionRoutes(app: RelayApp, services: RelayServices): Promise<void> {
  const ports = { services, hangUpOf: watchHangUps(app) };
  await registerStreamed(app, (scope) => {
    for (const [path, task, summary] of TASKS) {
      scope.post(
        `/v1/audio/${path}`,
        {
          config: { access: 'inference' },
          // A form is bytes until it has been read; what is wrong with it is said by who reads it.
          validatorCompiler: () => () => true,
          schema: {
            summary,
            tags: ['OpenAI'],
            consumes: [FORM],
            body: TranscriptionForm,
            response: { 200: TranscriptionResponse },
          },
        },
        // The types of the route know only its JSON.
        (request, reply) => transcribe(task, request, reply, ports) as Promise<never>,
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
  const { services } = ports;
  const { wishes, recording } = await readTranscriptionForm(request, services.files);
  try {
    services.models.assertKnown(wishes.model, 'stt');
  } catch (error) {
    await dropRecording(recording, services.files);
    throw error;
  }
  const answer = (audio: string | HeldFile, more: Pick<JobOrder, 'files' | 'routing'> = {}) => {
    const order = { type: 'stt', model: wishes.model, input: inputOf(task, audio, wishes), ...more } as const;
    return answered(order, task, wishes, { request, reply }, ports);
  };
  if ('bytes' in recording) return answer(recording.bytes.toString('base64'));
  const { keyId } = request.principal;
  return withKeptRecording(recording, keyId, services, (audio, files) => answer(audio, { files, routing: FETCHING }));
}

async function answered(
  order: Omit<JobOrder, 'stream'>,
  task: string,
  wishes: TranscriptionWishes,
  { request, reply }: Pick<TranscriptCall, 'request' | 'reply'>,
  ports: ObjectJobPorts,
): Promise<FastifyReply> {
  const names = { audio: 'file', words: 'timestamp_granularities', task: 'model' };
  const headers = ignoredHeader(wishes.ignored);
  if (wishes.stream) return streamTranscript(order, { names, headers, request, reply }, ports);
  const { output } = await runObjectJob(order, { names, read: readTranscript }, request, reply, ports);
  reply.headers(headers);
  return send(output, task, wishes, reply);
}

function inputOf(task: string, audio: string | HeldFile, { language, format, wantsWords }: TranscriptionWishes) {
  return {
    audio,
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

import { Problem } from '../../../shared/problems/problem.ts';
import type { DoneFrame } from '../../../shared/protocol/messages.ts';
import type { JsonSchema } from '../../../shared/registry/json-schema.ts';
import type { JobFileRun } from '../../files/job-files.ts';
import type { AnswerSink } from '../../jobs/attempt.ts';
import type { RegisteredService } from '../../registry/service-registry.ts';
import type { RelayServices } from '../../services.ts';
import { rankByNearness } from '../nearness.ts';
import { finishReasonOf, gatherAnswer } from '../openai/answer-choices.ts';
import { collectVectors, floatsOf } from '../openai/embeddings.ts';
import { type AskedInput, holdsFile, inputFiles, isToolType } from './file-input.ts';

/** Gathers what a node says into the output of a service. */
export type OutputReader = {
  readonly sink: AnswerSink;
  /** What the node may fetch and hand over; absent where the service has no files of its own. */
  readonly files?: JobFileRun;
  /** Errors: `node_fault` for what is not the output that the service promises, and those of `JobFileRun.keep`. */
  output(done: DoneFrame): JsonSchema | Promise<JsonSchema>;
};

/** The reader for one run of a service for a caller, whose call has passed its schema. Errors: `file_not_found`. */
export async function openReader(
  service: RegisteredService,
  call: AskedInput,
  client: string,
  services: Pick<RelayServices, 'files' | 'jobFiles'>,
): Promise<OutputReader> {
  const { definition } = service;
  const reader = createOutputReader(service, call.asked);
  if (!isToolType(definition.runtime.type) && !holdsFile(definition, call)) return reader;
  const inputs = await inputFiles(call.asked, client, services);
  const files = services.jobFiles.open({ apiKeyId: client, inputs });
  return {
    files,
    sink: reader.sink,
    output: async (done) => {
      const output = await reader.output(done);
      await files.keep(output);
      return output;
    },
  };
}

/** The reader for one job of a service; `input` has passed its schema. */
export function createOutputReader(service: RegisteredService, input: JsonSchema): OutputReader {
  const { type, answer } = service.definition.runtime;
  if (type === 'embed') return answer === 'ranking' ? readRanking(input) : readVectors();
  if (type === 'llm') return readText(service);
  return { sink: {}, output: (done) => promised(done.output ?? {}, service) };
}

function readText(service: RegisteredService): OutputReader {
  const { answer } = service.definition.runtime;
  const answers = gatherAnswer(1);
  return {
    sink: answers.sink,
    output: (done) => {
      const text = answers.gathered()[0]?.content ?? '';
      if (answer === 'json') return promised(parsed(text), service);
      if (typeof answer === 'object') return { choice: text };
      return { text, finish_reason: finishReasonOf(done, 0) };
    },
  };
}

function readVectors(): OutputReader {
  const vectors = collectVectors();
  return {
    sink: vectors,
    output: () => {
      const embeddings = vectors.all().map(floatsOf);
      return { embeddings, dimensions: embeddings[0]?.length ?? 0 };
    },
  };
}

function readRanking({ top }: JsonSchema): OutputReader {
  const vectors = collectVectors();
  return {
    sink: vectors,
    output: () => {
      const results = rankByNearness(vectors.all());
      return { results: typeof top === 'number' ? results.slice(0, top) : results };
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What comes from a node is held to the schema too: its clients build on it. */
function promised(output: unknown, { definition, checkOutput }: RegisteredService): JsonSchema {
  const fault = checkOutput(output);
  if (fault === undefined) return output as JsonSchema;
  const where = fault.path === '' ? '' : ` at ${fault.path}`;
  const sentence = `The node's answer is not what ${definition.id} promises${where}. Try again, or choose another model.`;
  throw new Problem('node_fault', sentence);
}

import { Problem } from '../../../shared/problems/problem.ts';
import type { DoneFrame } from '../../../shared/protocol/messages.ts';
import type { JsonSchema } from '../../../shared/registry/json-schema.ts';
import type { JobFileRun } from '../../files/job-files.ts';
import { finishReasonOf, gatherAnswer } from '../../jobs/answer/gather-answer.ts';
import type { AnswerSink } from '../../jobs/attempt.ts';
import type { RegisteredService } from '../../registry/service-registry.ts';
import type { RelayServices } from '../../services.ts';
import { collectVectors, floatsOf } from '../openai/embeddings.ts';
import { rankByNearness } from '../openai/nearness.ts';
import { type AskedInput, holdsFile, inputFiles, isToolType } from './file-input.ts';

/** Gathers what a node says into the output of a service, to which it is held as long as its attempt lasts. */
export type OutputReader = {
  readonly sink: AnswerSink;
  /** What the node may fetch and hand over; absent where the service has no files of its own. */
  readonly files?: JobFileRun;
  /** What was made, once the run has succeeded. */
  output(): JsonSchema;
  /** How many tokens of the answer were thoughts. */
  reasoningTokens(): number;
};

type Reading = {
  readonly sink: AnswerSink;
  /** Errors: `node_fault` for what is not the output that the service promises. */
  outputOf(done: DoneFrame): JsonSchema;
  reasoningTokens?(): number;
};

/** The reader for one run of a service for a caller, whose call has passed its schema. Errors: `file_not_found`. */
export async function openReader(
  service: RegisteredService,
  call: AskedInput,
  client: string,
  services: Pick<RelayServices, 'files' | 'jobFiles'>,
): Promise<OutputReader> {
  const { definition } = service;
  const { sink, outputOf, reasoningTokens = () => 0 } = readingOf(service, call.asked);
  const hasFiles = isToolType(definition.runtime.type) || holdsFile(definition, call);
  const files = hasFiles
    ? services.jobFiles.open({ apiKeyId: client, inputs: await inputFiles(call.asked, client, services) })
    : undefined;
  let made: JsonSchema = {};
  const judge = async (done: DoneFrame): Promise<void> => {
    made = outputOf(done);
    await files?.keep(made);
  };
  const output = (): JsonSchema => made;
  return { sink: { ...sink, judge }, output, reasoningTokens, ...(files === undefined ? {} : { files }) };
}

/** `input` has passed its schema. */
function readingOf(service: RegisteredService, input: JsonSchema): Reading {
  const { type, answer } = service.definition.runtime;
  if (type === 'embed') return answer === 'ranking' ? readRanking(input) : readVectors();
  if (type === 'llm') return readText(service);
  return { sink: {}, outputOf: (done) => promised(done.output ?? {}, service) };
}

function readText(service: RegisteredService): Reading {
  const { answer } = service.definition.runtime;
  const answers = gatherAnswer(1);
  return {
    sink: answers.sink,
    reasoningTokens: answers.reasoningTokens,
    outputOf: (done) => {
      const { content: text = '', reasoning = '' } = answers.gathered()[0] ?? {};
      if (answer === 'json') return promised(parsed(text), service);
      if (typeof answer === 'object') return { choice: text };
      return { text, ...(reasoning === '' ? {} : { reasoning }), finish_reason: finishReasonOf(done, 0) };
    },
  };
}

function readVectors(): Reading {
  const vectors = collectVectors();
  return {
    sink: vectors,
    outputOf: () => {
      const embeddings = vectors.all().map(floatsOf);
      return { embeddings, dimensions: embeddings[0]?.length ?? 0 };
    },
  };
}

function readRanking({ top }: JsonSchema): Reading {
  const vectors = collectVectors();
  return {
    sink: vectors,
    outputOf: () => {
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

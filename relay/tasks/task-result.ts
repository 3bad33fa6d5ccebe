import type { DoneFrame, VectorsFrame } from '../../shared/protocol/messages.ts';
import type { JobType } from '../../shared/protocol/subjects.ts';
import type { AnswerSink } from '../jobs/attempt.ts';

/** Gathers what a job puts out; `of` makes the result from it once the last frame is there. */
export type ResultCollector = { readonly sink: AnswerSink; of(done: DoneFrame): unknown };

export function collectResult(type: JobType): ResultCollector {
  if (type === 'llm') return collectText();
  if (type === 'embed') return collectVectors();
  return { sink: {}, of: (done) => done.output ?? null };
}

function collectText(): ResultCollector {
  let text = '';
  let reasoning = '';
  return {
    sink: {
      text: (more, _tokens, detail) => {
        if (detail?.reasoning) reasoning += more;
        else text += more;
      },
      takeBack: () => {
        text = '';
        reasoning = '';
      },
    },
    of: ({ finishReason, usage }) => ({
      text,
      ...(reasoning === '' ? {} : { reasoning }),
      finish_reason: finishReason,
      usage,
    }),
  };
}

function collectVectors(): ResultCollector {
  const embeddings: number[][] = [];
  return {
    sink: {
      vectors: (frame) => void embeddings.push(...rowsOf(frame)),
      takeBack: () => {
        embeddings.length = 0;
      },
    },
    of: ({ usage }) => ({ embeddings, usage }),
  };
}

function rowsOf({ data, count, dimensions }: VectorsFrame): number[][] {
  const bytes = Buffer.from(data, 'base64');
  return Array.from({ length: count }, (_, row) =>
    Array.from({ length: dimensions }, (_, column) => bytes.readFloatLE((row * dimensions + column) * 4)),
  );
}

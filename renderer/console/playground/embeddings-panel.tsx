import { useState } from 'react';
import { cosineOf } from '../../../shared/vectors/cosine.ts';
import { Fact, Table } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import { KeyField, LinesField, linesOf, ModelField } from './ask-fields.tsx';
import { askModel, readJson, type WholeAnswer } from './ask-model.ts';
import { AnswerFrame, AskPanel } from './ask-panel.tsx';
import { type PanelProps, useAsking } from './asking.ts';
import { WholeAnswerFacts } from './whole-answer-facts.tsx';

const PATH = '/v1/embeddings';
/** As many as stand in one cell of the table. */
const FIRST_NUMBERS = 4;
const DIGITS = 3;

type Vectors = { data: { embedding: number[] }[] };
/** An answer with the texts that it was made of: those of the field may be others by now. */
type Embedded = WholeAnswer<Vectors> & { input: readonly string[] };

/** Texts as vectors, and how near they are to the first. */
export function EmbeddingsPanel({ models, apiKey, onKey }: PanelProps) {
  const words = useSpeech().texts.playground;
  const [model, setModel] = useState(models[0] ?? '');
  const [text, setText] = useState(words.exampleTexts);
  const input = linesOf(text);
  const body = { model, input };
  const asking = useAsking<Embedded>(async (signal, show) => {
    const answer = await askModel({ path: PATH, body, key: apiKey, signal, read: readJson<Vectors> });
    show({ ...answer, input });
  });
  const fields = (
    <>
      <LinesField label={words.texts} value={text} onChange={setText} />
      <div className="fields">
        <ModelField models={models} value={model} onChoose={setModel} />
        <KeyField value={apiKey} onChange={onKey} />
      </div>
    </>
  );
  return (
    <AskPanel title={words.embed} asking={asking} call={{ path: PATH, body }} fields={fields}>
      {asking.answer !== undefined && <VectorTable {...asking.answer} />}
    </AskPanel>
  );
}

function VectorTable({ body, input, ...from }: Embedded) {
  const { texts, show } = useSpeech();
  const words = texts.playground;
  const vectors = body.data.map(({ embedding }) => embedding);
  const first = vectors[0] ?? [];
  return (
    <AnswerFrame>
      <Table label={words.vectors} heads={[words.text, words.firstNumbers, words.likeness]}>
        {vectors.map((vector, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the same text may be there twice, and none moves
          <tr key={place}>
            <td>{input[place]}</td>
            <td className="code">{vector.slice(0, FIRST_NUMBERS).map(rounded).join(', ')}</td>
            <td>{rounded(cosineOf(first, vector))}</td>
          </tr>
        ))}
      </Table>
      <WholeAnswerFacts {...from}>
        <Fact name={words.dimensions}>{show.count(first.length)}</Fact>
      </WholeAnswerFacts>
    </AnswerFrame>
  );
}

function rounded(value: number): string {
  return value.toFixed(DIGITS);
}

import { useState } from 'react';
import type { RerankResponse } from '../../../shared/api/rerank.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { OwnProblem } from '../api.ts';
import { TextField } from '../fields.tsx';
import { Table } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import { KeyField, LinesField, linesOf, ModelField, NumberField } from './ask-fields.tsx';
import { askModel, readJson, type WholeAnswer } from './ask-model.ts';
import { AnswerFrame, AskPanel } from './ask-panel.tsx';
import { type PanelProps, saidOf, useAsking } from './asking.ts';
import { WholeAnswerFacts } from './whole-answer-facts.tsx';

const PATH = '/v1/rerank';
const DIGITS = 3;

/** An answer with the documents that it ranks: those of the field may be others by now. */
type Ranked = WholeAnswer<RerankResponse> & { documents: readonly string[] };

/** Documents by what they have to do with a query. */
export function RerankPanel({ models, apiKey, onKey }: PanelProps) {
  const words = useSpeech().texts.playground;
  const [model, setModel] = useState(models[0] ?? '');
  const [query, setQuery] = useState(words.exampleQuery);
  const [text, setText] = useState(words.exampleDocuments);
  const [best, setBest] = useState<number>();
  const documents = linesOf(text);
  const body = saidOf({ model, query, documents, top_n: best });
  const asking = useAsking<Ranked>(async (signal, show) => {
    assertFewEnough(documents);
    const answer = await askModel({ path: PATH, body, key: apiKey, signal, read: readJson<RerankResponse> });
    show({ ...answer, documents });
  });
  const fields = (
    <>
      <TextField label={words.query} required value={query} onChange={setQuery} />
      <LinesField label={words.documents} value={text} onChange={setText} />
      <div className="fields">
        <ModelField models={models} value={model} onChoose={setModel} />
        <NumberField min={1} label={words.best} hint={words.allOfThem} value={best} onChange={setBest} />
        <KeyField value={apiKey} onChange={onKey} />
      </div>
    </>
  );
  return (
    <AskPanel title={words.rank} asking={asking} call={{ path: PATH, body }} fields={fields}>
      {asking.answer !== undefined && <Ranking {...asking.answer} />}
    </AskPanel>
  );
}

function assertFewEnough({ length }: readonly string[]): void {
  const most = LIMITS.maxRerankDocuments;
  if (length <= most) return;
  throw new OwnProblem(
    ({ texts, show }) => texts.playground.tooManyDocuments(show.count(length), show.count(most)),
    'invalid_value',
  );
}

function Ranking({ body, documents, ...from }: Ranked) {
  const words = useSpeech().texts.playground;
  return (
    <AnswerFrame>
      <Table label={words.ranking} heads={[words.rankHead, words.document, words.score]}>
        {body.results.map(({ index, relevance_score }, place) => (
          <tr key={index}>
            <th scope="row" className="number">
              {place + 1}
            </th>
            <td>{documents[index]}</td>
            <td className="number">{relevance_score.toFixed(DIGITS)}</td>
          </tr>
        ))}
      </Table>
      <WholeAnswerFacts {...from} />
    </AnswerFrame>
  );
}
